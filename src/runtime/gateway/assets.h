// The console's files, linked into the program.
#pragma once

#include <string_view>
#include <vector>

namespace plumb::gateway {

struct Asset {
  std::string_view path;  // "/index.html"
  std::string_view bytes;
};

// Everything of console/dist; empty where it was not built.
const std::vector<Asset>& Assets();

// The file for a URL path: "/" and paths without a dot (client-side routes) are the index page, which without a built
// console is a plain one that says so. nullptr: there is no such file.
const Asset* FindAsset(std::string_view path);

// "text/html; charset=utf-8" for ".html".
std::string_view MediaType(std::string_view path);

}  // namespace plumb::gateway
