# Language, warnings, ccache, mold and sanitizers: how every target is compiled.
set(CMAKE_CXX_STANDARD 23)
set(CMAKE_CXX_STANDARD_REQUIRED ON)
set(CMAKE_CXX_EXTENSIONS OFF)
set(CMAKE_EXPORT_COMPILE_COMMANDS ON)
set(CMAKE_RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR})
if(NOT CMAKE_BUILD_TYPE)
  set(CMAKE_BUILD_TYPE Release)
endif()

find_program(PLUMB_CCACHE ccache)
if(PLUMB_CCACHE)
  # Precompiled headers change their times at every build, and paths are taken from the source folder, so that another
  # checkout finds what this one compiled.
  set(CMAKE_CXX_COMPILER_LAUNCHER env CCACHE_BASEDIR=${CMAKE_SOURCE_DIR} CCACHE_ABSSTDERR=1 CCACHE_NOHASHDIR=1
      CCACHE_SLOPPINESS=pch_defines,time_macros,include_file_mtime,include_file_ctime ${PLUMB_CCACHE})
endif()
find_program(PLUMB_MOLD mold)
if(PLUMB_MOLD)
  add_link_options(-fuse-ld=mold)
endif()

# One set of flags everywhere: a precompiled header fits only files compiled as it was.
add_compile_options(-pthread -Wall -Wextra -Wno-missing-field-initializers)
if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
  add_compile_options(-fpch-preprocess)
  # GCC 12 reports these inside Boost and libstdc++ at -O2.
  add_compile_options(-Wno-maybe-uninitialized -Wno-stringop-overflow -Wno-array-bounds -Wno-restrict
                      -Wno-dangling-pointer)
endif()
set(CMAKE_CXX_FLAGS_RELEASE "-O2 -g0")
set(CMAKE_CXX_FLAGS_DEBUG "-O0 -g1")
if(PLUMB_FUZZ)
  set(CMAKE_CXX_FLAGS_DEBUG "-O1 -g1")  # what a fuzzer finds goes with what it can try in a second
endif()
if(PLUMB_SANITIZE)
  add_compile_options(-fsanitize=${PLUMB_SANITIZE} -fno-omit-frame-pointer -fno-sanitize-recover=all -g1)
  add_link_options(-fsanitize=${PLUMB_SANITIZE})
endif()
