# dynakv_options: what every target of ours is compiled with. Qt's own headers are SYSTEM includes,
# so the strict set stays clean without a pragma.
add_library(dynakv_options INTERFACE)
target_include_directories(dynakv_options INTERFACE "${CMAKE_SOURCE_DIR}")
target_compile_definitions(dynakv_options INTERFACE
    QT_NO_KEYWORDS QT_NO_CAST_FROM_ASCII QT_NO_CAST_TO_ASCII QT_NO_CAST_FROM_BYTEARRAY
    QT_NO_URL_CAST_FROM_STRING QT_NO_CONTEXTLESS_CONNECT QT_NO_NARROWING_CONVERSIONS_IN_CONNECT
    QT_NO_FOREACH QT_NO_JAVA_STYLE_ITERATORS QT_DISABLE_DEPRECATED_BEFORE=0x060400
    DYNAKV_VERSION="${PROJECT_VERSION}")

if(MSVC)
    target_compile_options(dynakv_options INTERFACE /W4 /permissive- /utf-8
        $<$<BOOL:${DYNAKV_WARNINGS_AS_ERRORS}>:/WX>)
else()
    target_compile_options(dynakv_options INTERFACE
        -Wall -Wextra -Wpedantic -Wconversion -Wsign-conversion -Wshadow -Wold-style-cast
        -Wnon-virtual-dtor -Woverloaded-virtual -Wcast-align -Wdouble-promotion -Wformat=2
        -Wextra-semi -Wimplicit-fallthrough -fno-omit-frame-pointer -fstack-protector-strong
        $<$<BOOL:${DYNAKV_WARNINGS_AS_ERRORS}>:-Werror>)
    target_compile_definitions(dynakv_options INTERFACE _GLIBCXX_ASSERTIONS)
    # What users run is hardened as Debian hardens its packages.
    if(NOT DYNAKV_SANITIZE AND UNIX AND NOT APPLE)
        target_compile_options(dynakv_options INTERFACE
            $<$<CONFIG:Release>:-U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=2 -fstack-clash-protection>)
        target_link_options(dynakv_options INTERFACE $<$<CONFIG:Release>:-Wl,-z,relro,-z,now>)
    endif()
    # g++ 12 at -O3, and under the thread sanitizer, takes the untouched alternatives of a moved
    # std::variant for uninitialised reads. Debug builds and clang keep the warning, and the address
    # sanitizer looks for the real ones.
    if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU" AND DYNAKV_SANITIZE)
        target_compile_options(dynakv_options INTERFACE -Wno-maybe-uninitialized)
    elseif(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
        target_compile_options(dynakv_options INTERFACE
            $<$<CONFIG:Release>:-Wno-maybe-uninitialized>)
    endif()
endif()

if(DYNAKV_SANITIZE)
    target_compile_options(dynakv_options INTERFACE -fsanitize=${DYNAKV_SANITIZE}
        -fno-sanitize-recover=all)
    target_link_options(dynakv_options INTERFACE -fsanitize=${DYNAKV_SANITIZE})
endif()

find_program(CCACHE_PROGRAM ccache)
if(CCACHE_PROGRAM AND NOT CMAKE_CXX_COMPILER_LAUNCHER)
    # Without these two it stores nothing that uses a precompiled header; with the third a second
    # checkout finds what the first one compiled.
    set(CMAKE_CXX_COMPILER_LAUNCHER "${CMAKE_COMMAND}" -E env
        CCACHE_SLOPPINESS=pch_defines,time_macros,include_file_mtime,include_file_ctime
        "CCACHE_BASEDIR=${CMAKE_SOURCE_DIR}" CCACHE_NOHASHDIR=true
        "${CCACHE_PROGRAM}")
endif()
