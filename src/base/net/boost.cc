// Asio's function bodies, compiled once (BOOST_ASIO_SEPARATE_COMPILATION is set).
#include <boost/asio/impl/src.hpp>
#include <boost/asio/ssl/impl/src.hpp>
