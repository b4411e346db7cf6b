# Precompiled headers: what most files include, parsed once for each kind of file. Every file still includes what it
# uses; clang builds (the fuzz preset) go without, so a missing include shows there.
#
#   base   the standard library, fmt, Boost.JSON, base/core    most rooms
#   net    base and Asio                                        rooms that wait on sockets
#   torch  base and ATen's tensors and operators                the model wing
#   test, net_test, torch_test: the same with GoogleTest
#
# plumb_precompile(TARGET KIND): compiles TARGET with the headers of KIND. A kind is built when the first target asks.
option(PLUMB_PRECOMPILE "Precompile headers (GCC)" ON)
if(NOT CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
  set(PLUMB_PRECOMPILE OFF)
endif()

set(_base
  <algorithm> <array> <charconv> <chrono> <cmath> <cstdint> <cstdio> <cstring> <deque> <expected> <filesystem>
  <functional> <limits> <map> <memory> <numeric> <optional> <random> <set> <span> <string> <string_view>
  <unordered_map> <variant> <vector> <fmt/format.h> <boost/json.hpp> <base/core/core.h>)
set(_net
  <future> <mutex> <boost/asio/any_io_executor.hpp> <boost/asio/awaitable.hpp> <boost/asio/co_spawn.hpp>
  <boost/asio/ip/tcp.hpp> <boost/asio/redirect_error.hpp> <boost/asio/steady_timer.hpp>
  <boost/asio/use_awaitable.hpp> <boost/asio/use_future.hpp>)
set(_torch <ATen/Parallel.h> <ATen/TensorOperators.h> <ATen/core/Tensor.h> <ATen/core/grad_mode.h>)
set(_gtest <gtest/gtest.h> <gmock/gmock.h>)
set(PLUMB_HEADERS_base ${_base})
set(PLUMB_HEADERS_net ${_base} ${_net})
set(PLUMB_HEADERS_torch ${_base} ${_torch})
set(PLUMB_HEADERS_test ${_base} ${_gtest})
set(PLUMB_HEADERS_net_test ${_base} ${_net} ${_gtest})
set(PLUMB_HEADERS_torch_test ${_base} ${_torch} ${_gtest})

function(plumb_precompile target kind)
  if(NOT PLUMB_PRECOMPILE)
    return()
  endif()
  set(carrier precompiled_${kind})
  if(NOT TARGET ${carrier})
    set(source ${CMAKE_BINARY_DIR}/${carrier}.cc)
    file(CONFIGURE OUTPUT ${source} CONTENT "// A target needs a source; its headers are what counts.\n")
    add_library(${carrier} OBJECT ${source})
    target_include_directories(${carrier} PRIVATE ${CMAKE_SOURCE_DIR}/src)
    target_link_libraries(${carrier} PRIVATE fmt::fmt Boost::json)
    if(kind MATCHES "test")
      target_link_libraries(${carrier} PRIVATE GTest::gtest_main GTest::gmock)
    endif()
    if(kind MATCHES "torch")
      target_link_libraries(${carrier} PRIVATE plumb_torch)
    endif()
    target_precompile_headers(${carrier} PRIVATE ${PLUMB_HEADERS_${kind}})
  endif()
  target_precompile_headers(${target} REUSE_FROM ${carrier})
endfunction()
