# A precompiled header: parsing Qt and the standard library is most of what a compile costs, and there
# are more test programs than libraries. It is made once, of nothing that a target's own definitions
# could change (Qt Test's headers are, so they are not in it). The presets switch it on.
option(DYNAKV_PRECOMPILE "Compile the Qt and standard headers once" OFF)

function(dynakv_precompile target)
    if(NOT DYNAKV_PRECOMPILE)
        return()
    endif()
    if(NOT TARGET dynakv_precompiled)
        set(source "${CMAKE_BINARY_DIR}/precompiled/empty.cpp")
        file(CONFIGURE OUTPUT "${source}" CONTENT "")
        add_library(dynakv_precompiled OBJECT "${source}")
        set_target_properties(dynakv_precompiled PROPERTIES AUTOMOC OFF)
        target_link_libraries(dynakv_precompiled PRIVATE dynakv_options Qt6::Core)
        target_compile_options(dynakv_precompiled PRIVATE
            $<$<CXX_COMPILER_ID:GNU>:-fpch-preprocess>
            "$<$<CXX_COMPILER_ID:Clang>:SHELL:-Xclang -fno-pch-timestamp>")
        target_precompile_headers(dynakv_precompiled PRIVATE
            <QByteArray> <QByteArrayView> <QString> <QStringList> <QList> <QMap> <QHash> <QSet>
            <QObject> <QTimer> <QDateTime> <QFile> <QJsonDocument> <QJsonObject> <QLoggingCategory>
            <QMetaType> <QRegularExpression> <QUrl> <QVariant> <QtEndian>
            <algorithm> <array> <atomic> <bitset> <chrono> <condition_variable> <deque>
            <functional> <map> <memory> <mutex> <optional> <set> <string> <thread> <utility>
            <variant> <vector>)
    endif()
    target_precompile_headers(${target} REUSE_FROM dynakv_precompiled)
    # What AUTOMOC writes is empty for most tests, and includes what it needs where it is not: it
    # would take longer to load the header than to compile.
    set_source_files_properties(
        "${CMAKE_CURRENT_BINARY_DIR}/${target}_autogen/mocs_compilation.cpp"
        PROPERTIES SKIP_PRECOMPILE_HEADERS ON)
    # For ccache: g++ has to say in its preprocessed output that it used the header, clang must not
    # write the time into it.
    target_compile_options(${target} PRIVATE
        $<$<CXX_COMPILER_ID:GNU>:-fpch-preprocess>
        "$<$<CXX_COMPILER_ID:Clang>:SHELL:-Xclang -fno-pch-timestamp>")
endfunction()
