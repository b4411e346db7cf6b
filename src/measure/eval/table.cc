#include "measure/eval/table.h"

#include <algorithm>

#include "measure/eval/normal.h"

namespace plumb::eval {

std::string Table::Text() const {
  std::vector<size_t> width;
  for (const auto& row : rows_) {
    // A row of one cell is a heading and may be wider than its column.
    if (row.size() == 1) continue;
    width.resize(std::max(width.size(), row.size()));
    for (size_t i = 0; i < row.size(); ++i) width[i] = std::max(width[i], CodePoints(row[i]).size());
  }
  std::string out;
  for (const auto& row : rows_) {
    std::string line;
    for (size_t i = 0; i < row.size(); ++i) {
      const size_t size = CodePoints(row[i]).size();
      const std::string pad(size < width[i] ? width[i] - size : 0, ' ');
      const bool left = i == 0 || i + 1 == row.size();
      line += (i ? "  " : "") + (left ? row[i] + pad : pad + row[i]);
    }
    line.erase(line.find_last_not_of(' ') + 1);
    out += line + "\n";
  }
  return out;
}

}  // namespace plumb::eval
