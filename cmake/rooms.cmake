# plumb_room(NAME DEPS room… LIBS library… PRECOMPILED kind WARM|COLD): the room in the current folder.
#
# Builds the library NAME from every *.cc here that is not a test, benchmark, fuzzer or main; NAME_test from *_test.cc;
# NAME_bench from *_bench.cc; one fuzzer from each *_fuzz.cc. DEPS are other rooms, LIBS outside libraries. Rooms may
# only depend on rooms below them (docs/architecture.md; tests/layering checks includes). PRECOMPILED is the kind of
# cmake/precompiled.cmake, base by default. How hard a room is optimised is what it costs to compile: -O2 for what
# computes; -O1, two thirds of the time, for WARM rooms, which mostly move text; and -Og for COLD rooms, which wait for
# others. HOT are files at -O2 whatever their room is, because every request goes through them; MILD are files at -O1.
# Tests are compiled at -O1. The target room_tests builds every NAME_test.
add_custom_target(room_tests)

# Files of one room are compiled several in one go: headers and templates are then read and made once for all of them,
# which halves a cold build. They share one anonymous namespace, so a name in it is one in its whole room
# (tests/unique_names.py). Where single files are edited and built, without is quicker: the preset dev, or
# -DPLUMB_UNITY=OFF.
option(PLUMB_UNITY "Compile a room's files several in one go" ON)
set(PLUMB_UNITY_BATCH 8)

# plumb_optimise(TARGET LEVEL): the level of a release build.
function(plumb_optimise target level)
  target_compile_options(${target} PRIVATE $<$<CONFIG:Release>:${level}>)
endfunction()

function(plumb_unity target)
  if(NOT PLUMB_UNITY)
    return()
  endif()
  set_target_properties(${target} PROPERTIES UNITY_BUILD ON UNITY_BUILD_BATCH_SIZE ${PLUMB_UNITY_BATCH})
  if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
    target_compile_options(${target} PRIVATE -Wno-subobject-linkage)  # to GCC, a file that is included is a header
  endif()
endfunction()

# Those files of a room that are optimised at a level of their own: ROOM_LEVEL, whose objects become part of the room.
function(_plumb_files_at name kind level)
  cmake_parse_arguments(ARG "" "PRECOMPILED" "LINK;SOURCES" ${ARGN})
  if(NOT ARG_SOURCES)
    return()
  endif()
  add_library(${name}_${kind} OBJECT ${ARG_SOURCES})
  target_link_libraries(${name}_${kind} PRIVATE ${ARG_LINK})
  target_include_directories(${name}_${kind} PRIVATE ${CMAKE_SOURCE_DIR}/src)
  plumb_precompile(${name}_${kind} ${ARG_PRECOMPILED})
  plumb_optimise(${name}_${kind} ${level})
  plumb_unity(${name}_${kind})
  target_sources(${name} PRIVATE $<TARGET_OBJECTS:${name}_${kind}>)
endfunction()

# plumb_tests(ROOM): every case of ROOM_test is a test of its own; or, where starting a process for each costs more than
# the case does (the sanitizers), PLUMB_TEST_SHARDS processes run all of them and write their names and outcomes into
# the build folder's cases/.
set(PLUMB_TEST_SHARDS 0 CACHE STRING "In how many processes a room's tests run; 0: one for each case")
function(plumb_tests name)
  if(NOT PLUMB_TEST_SHARDS)
    gtest_discover_tests(${name}_test DISCOVERY_MODE PRE_TEST PROPERTIES LABELS ${name} TIMEOUT 600)
    return()
  endif()
  math(EXPR last "${PLUMB_TEST_SHARDS} - 1")
  foreach(shard RANGE ${last})
    add_test(NAME ${name}.${shard}
      COMMAND ${name}_test --gtest_brief=1 --gtest_output=xml:${CMAKE_BINARY_DIR}/cases/${name}.${shard}.xml)
    set_tests_properties(${name}.${shard} PROPERTIES LABELS ${name} TIMEOUT 600
      ENVIRONMENT "GTEST_TOTAL_SHARDS=${PLUMB_TEST_SHARDS};GTEST_SHARD_INDEX=${shard}")
  endforeach()
endfunction()

function(plumb_room name)
  cmake_parse_arguments(ARG "WARM;COLD" "PRECOMPILED" "DEPS;LIBS;TEST_DEPS;HOT;MILD" ${ARGN})
  file(GLOB_RECURSE all CONFIGURE_DEPENDS ${CMAKE_CURRENT_SOURCE_DIR}/*.cc)
  set(sources ${all})
  list(FILTER sources EXCLUDE REGEX "(_test|_bench|_fuzz|/main)\\.cc$")
  list(TRANSFORM ARG_HOT PREPEND ${CMAKE_CURRENT_SOURCE_DIR}/)
  list(TRANSFORM ARG_MILD PREPEND ${CMAKE_CURRENT_SOURCE_DIR}/)
  list(REMOVE_ITEM sources ${ARG_HOT} ${ARG_MILD} "")
  add_library(${name} STATIC ${sources})
  target_include_directories(${name} PUBLIC ${CMAKE_SOURCE_DIR}/src)
  target_link_libraries(${name} PUBLIC ${ARG_DEPS} ${ARG_LIBS})
  if(NOT ARG_PRECOMPILED)
    set(ARG_PRECOMPILED base)
  endif()
  plumb_precompile(${name} ${ARG_PRECOMPILED})
  plumb_unity(${name})
  set(alike PRECOMPILED ${ARG_PRECOMPILED} LINK ${ARG_DEPS} ${ARG_LIBS})
  _plumb_files_at(${name} hot -O2 ${alike} SOURCES ${ARG_HOT})
  _plumb_files_at(${name} mild -O1 ${alike} SOURCES ${ARG_MILD})
  if(ARG_COLD)
    plumb_optimise(${name} -Og)
  elseif(ARG_WARM)
    plumb_optimise(${name} -O1)
  endif()

  set(tests ${all})
  list(FILTER tests INCLUDE REGEX "_test\\.cc$")
  if(PLUMB_TESTS AND tests)
    add_executable(${name}_test ${tests})
    target_link_libraries(${name}_test PRIVATE ${name} ${ARG_TEST_DEPS} GTest::gtest_main GTest::gmock)
    target_compile_definitions(${name}_test PRIVATE
      PLUMB_SOURCE_DIR="${CMAKE_SOURCE_DIR}" PLUMB_BINARY_DIR="${CMAKE_BINARY_DIR}")
    plumb_optimise(${name}_test -O1)
    plumb_unity(${name}_test)
    string(REPLACE "base_test" "test" kind ${ARG_PRECOMPILED}_test)
    plumb_precompile(${name}_test ${kind})
    add_dependencies(room_tests ${name}_test)
    plumb_tests(${name})
  endif()

  if(PLUMB_BENCH)
    set(benches ${all})
    list(FILTER benches INCLUDE REGEX "_bench\\.cc$")
    if(benches)
      find_package(benchmark REQUIRED)
      add_executable(${name}_bench ${benches})
      target_link_libraries(${name}_bench PRIVATE ${name} benchmark::benchmark_main)
    endif()
  endif()

  list(FILTER all INCLUDE REGEX "_fuzz\\.cc$")
  foreach(source ${all})
    plumb_fuzzer(${source} ${name})
  endforeach()
endfunction()

# plumb_fuzzer(SOURCE room…): a libFuzzer program named as the file, where PLUMB_FUZZ is on, and a test that runs it for
# PLUMB_FUZZ_SECONDS from its seeds in tests/fuzz/NAME. What it finds new is kept in the build folder, so that the next
# run goes on from there. The target `fuzzers` builds all of them.
set(PLUMB_FUZZ_SECONDS 20 CACHE STRING "How long each fuzzer runs in ctest")
add_custom_target(fuzzers)
function(plumb_fuzzer source)
  if(NOT PLUMB_FUZZ)
    return()
  endif()
  get_filename_component(fuzzer ${source} NAME_WE)
  add_executable(${fuzzer} ${source})
  target_include_directories(${fuzzer} PRIVATE ${CMAKE_SOURCE_DIR}/src)
  target_link_libraries(${fuzzer} PRIVATE ${ARGN})
  target_link_options(${fuzzer} PRIVATE -fsanitize=fuzzer)
  add_dependencies(fuzzers ${fuzzer})
  set(found ${CMAKE_BINARY_DIR}/fuzz/${fuzzer})
  file(MAKE_DIRECTORY ${found})
  set(seeds ${CMAKE_SOURCE_DIR}/tests/fuzz/${fuzzer})
  if(NOT EXISTS ${seeds})
    set(seeds "")
  endif()
  add_test(NAME ${fuzzer} WORKING_DIRECTORY ${found} COMMAND ${fuzzer} -max_total_time=${PLUMB_FUZZ_SECONDS} -timeout=10
    -rss_limit_mb=3000 -max_len=4096 -print_final_stats=1 ${found} ${seeds})
  set_tests_properties(${fuzzer} PROPERTIES LABELS fuzz TIMEOUT 3600)
endfunction()
