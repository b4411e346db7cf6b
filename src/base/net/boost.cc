// Asio's and Beast's function bodies, compiled once (BOOST_ASIO_SEPARATE_COMPILATION and its Beast twin are set).
#include <boost/asio/impl/src.hpp>
#include <boost/asio/ssl/impl/src.hpp>
#include <boost/beast/src.hpp>
