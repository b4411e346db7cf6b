# plumb_room(NAME DEPS room… LIBS library… PRECOMPILED kind WARM|COLD): the room in the current folder.
#
# Builds the library NAME from every *.cc here that is not a test, benchmark, fuzzer or main; NAME_test from *_test.cc;
# NAME_bench from *_bench.cc; one fuzzer from each *_fuzz.cc. DEPS are other rooms, LIBS outside libraries. Rooms may
# only depend on rooms below them (docs/architecture.md; tests/layering checks includes). PRECOMPILED is the kind of
# cmake/precompiled.cmake, base by default. How hard a room is optimised is what it costs to compile: -O2 for what
# computes; -O1, two thirds of the time, for WARM rooms, which mostly move text; and -Og for COLD rooms, which wait for
# others. Tests are compiled at -O1. The target room_tests builds every NAME_test.
add_custom_target(room_tests)

# plumb_optimise(TARGET LEVEL): the level of a release build.
function(plumb_optimise target level)
  target_compile_options(${target} PRIVATE $<$<CONFIG:Release>:${level}>)
endfunction()

# plumb_hot(SOURCE…): those files of a WARM or COLD room that every request goes through.
function(plumb_hot)
  set_property(SOURCE ${ARGN} APPEND PROPERTY COMPILE_OPTIONS $<$<CONFIG:Release>:-O2>)
endfunction()

function(plumb_room name)
  cmake_parse_arguments(ARG "WARM;COLD" "PRECOMPILED" "DEPS;LIBS;TEST_DEPS" ${ARGN})
  file(GLOB_RECURSE all CONFIGURE_DEPENDS ${CMAKE_CURRENT_SOURCE_DIR}/*.cc)
  set(sources ${all})
  list(FILTER sources EXCLUDE REGEX "(_test|_bench|_fuzz|/main)\\.cc$")
  add_library(${name} STATIC ${sources})
  target_include_directories(${name} PUBLIC ${CMAKE_SOURCE_DIR}/src)
  target_link_libraries(${name} PUBLIC ${ARG_DEPS} ${ARG_LIBS})
  if(NOT ARG_PRECOMPILED)
    set(ARG_PRECOMPILED base)
  endif()
  plumb_precompile(${name} ${ARG_PRECOMPILED})
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
    string(REPLACE "base_test" "test" kind ${ARG_PRECOMPILED}_test)
    plumb_precompile(${name}_test ${kind})
    add_dependencies(room_tests ${name}_test)
    gtest_discover_tests(${name}_test DISCOVERY_MODE PRE_TEST PROPERTIES LABELS ${name} TIMEOUT 600)
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
