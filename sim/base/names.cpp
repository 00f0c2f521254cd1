#include "sim/base/names.h"

#include <algorithm>
#include <numeric>

namespace tessera {

namespace {

std::size_t edit_distance(std::string_view a, std::string_view b) {
  std::vector<std::size_t> row(b.size() + 1);
  std::iota(row.begin(), row.end(), std::size_t{0});
  for (std::size_t i = 1; i <= a.size(); ++i) {
    std::size_t diagonal = row[0];
    row[0] = i;
    for (std::size_t j = 1; j <= b.size(); ++j) {
      const std::size_t substituted = diagonal + (a[i - 1] == b[j - 1] ? 0 : 1);
      diagonal = row[j];
      row[j] = std::min({row[j] + 1, row[j - 1] + 1, substituted});
    }
  }
  return row.back();
}

}  // namespace

std::string join(const std::vector<std::string>& items, std::string_view separator) {
  std::string text;
  for (const auto& item : items) {
    if (!text.empty()) text += separator;
    text += item;
  }
  return text;
}

std::string did_you_mean(std::string_view given, const std::vector<std::string>& known) {
  std::vector<std::pair<std::size_t, std::string>> near;
  for (const auto& name : known) {
    const std::size_t distance = edit_distance(given, name);
    const bool contains = given.size() >= 3 && name.find(given) != std::string::npos;
    if (contains || distance <= 1 + given.size() / 3)
      near.emplace_back(contains ? 0 : distance, name);
  }
  if (near.empty()) return "";
  std::stable_sort(near.begin(), near.end(),
                   [](const auto& a, const auto& b) { return a.first < b.first; });
  if (near.size() > 3) near.resize(3);
  std::vector<std::string> names;
  for (auto& entry : near) names.push_back(std::move(entry.second));
  return "did you mean " + join(names, " or ") + "?";
}

std::string suggest(std::string_view given, const std::vector<std::string>& known) {
  const auto near = did_you_mean(given, known);
  return near.empty() ? "known: " + join(known) : near;
}

}  // namespace tessera
