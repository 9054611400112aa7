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
endif()

if(DYNAKV_SANITIZE)
    target_compile_options(dynakv_options INTERFACE -fsanitize=${DYNAKV_SANITIZE}
        -fno-sanitize-recover=all)
    target_link_options(dynakv_options INTERFACE -fsanitize=${DYNAKV_SANITIZE})
endif()

find_program(CCACHE_PROGRAM ccache)
if(CCACHE_PROGRAM AND NOT CMAKE_CXX_COMPILER_LAUNCHER)
    set(CMAKE_CXX_COMPILER_LAUNCHER "${CCACHE_PROGRAM}")
endif()
