include(DynakvPrecompiled)

# One folder = one library = one namespace: the link lists are the architecture.
#   dynakv_library(<name> SOURCES <files...> LINK <public targets...>)
#   dynakv_test(<name> SOURCES <tst_*.cpp, files...> LINK <targets...> LABELS <labels...> [TIMEOUT <seconds>])
function(dynakv_library name)
    cmake_parse_arguments(ARG "" "" "SOURCES;LINK" ${ARGN})
    qt_add_library(${name} STATIC ${ARG_SOURCES})
    target_link_libraries(${name} PUBLIC dynakv_options ${ARG_LINK})
    dynakv_precompile(${name})
endfunction()

# Labels in use: unit sim integration gui slow threads. Everything that runs more than one thread
# carries `threads` as well, which is what the thread sanitizer pass selects.
function(dynakv_test name)
    cmake_parse_arguments(ARG "" "TIMEOUT" "SOURCES;LINK;LABELS" ${ARGN})
    if(NOT ARG_TIMEOUT)
        set(ARG_TIMEOUT 120)
    endif()
    if(NOT ARG_LABELS)
        set(ARG_LABELS unit)
    endif()
    qt_add_executable(${name} ${ARG_SOURCES})
    target_link_libraries(${name} PRIVATE dynakv_options dynakv_test_options Qt6::Test ${ARG_LINK})
    dynakv_precompile(${name})
    # Only the first source has classes for moc. AUTOMOC would start a program and compile a file for
    # each test.
    list(GET ARG_SOURCES 0 source)
    cmake_path(GET source STEM stem)
    set(moc "${CMAKE_CURRENT_BINARY_DIR}/${name}_moc/${stem}.moc")
    qt_generate_moc("${CMAKE_CURRENT_SOURCE_DIR}/${source}" "${moc}" TARGET ${name})
    target_sources(${name} PRIVATE "${moc}")
    target_include_directories(${name} PRIVATE "${CMAKE_CURRENT_BINARY_DIR}/${name}_moc")
    set_target_properties(${name} PROPERTIES AUTOMOC OFF)
    add_test(NAME ${name} COMMAND ${name})
    set_tests_properties(${name} PROPERTIES TIMEOUT ${ARG_TIMEOUT} LABELS "${ARG_LABELS}"
        ENVIRONMENT "QT_QPA_PLATFORM=offscreen;LC_ALL=C.UTF-8")
endfunction()
