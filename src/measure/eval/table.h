// A plain table for a terminal: the first column to the left, the others to the right.
#pragma once

#include <string>
#include <vector>

namespace plumb::eval {

class Table {
 public:
  explicit Table(std::vector<std::string> header) { Row(std::move(header)); }
  // Missing cells are empty.
  void Row(std::vector<std::string> cells) { rows_.push_back(std::move(cells)); }
  // Columns two spaces apart, aligned by code points; ends with a line break.
  std::string Text() const;

 private:
  std::vector<std::vector<std::string>> rows_;
};

}  // namespace plumb::eval
