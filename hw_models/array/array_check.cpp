#include <algorithm>
#include <string>

#include "hw_models/array/array_plan.h"
#include "sim/base/error.h"

namespace tessera::hw {

namespace {

constexpr std::int64_t kMostSteps = std::int64_t{1} << 40;
constexpr const char* kOperandNames[kOperands] = {"input", "weight", "output"};

class Checker {
 public:
  Checker(const PeArrayDescription& array, int word_bytes, const ArrayWork& work,
          const std::string& origin)
      : array_(array), word_bytes_(word_bytes), work_(work), origin_(origin) {}

  void run() const {
    in_range("rows_used", work_.rows_used, 1, array_.rows);
    in_range("columns_used", work_.columns_used, 1, array_.columns);
    const std::int64_t steps = check_loops();
    for (int x = 0; x < kOperands; ++x) check_operand(x);
    if (work_.reduction != SpatialReduction::kNone && work_.reduction != array_.reduction)
      refuse("reduction", static_cast<int>(work_.reduction), "the array has another kind");
    in_range("macs", work_.macs, 0, steps * pes() * array_.macs_per_pe);
    check_registers();
  }

 private:
  std::int64_t pes() const { return std::int64_t{work_.rows_used} * work_.columns_used; }

  std::int64_t check_loops() const {
    std::int64_t steps = 1;
    for (std::size_t i = 0; i < work_.loops.size(); ++i) {
      in_range("loops[" + std::to_string(i) + "].count", work_.loops[i].count, 1,
               kMostSteps / steps);
      steps *= work_.loops[i].count;
    }
    return steps;
  }

  void check_operand(int x) const {
    const ArrayOperand& operand = work_.operand[x];
    const std::string name = kOperandNames[x];
    in_range(name + ".words_per_fill", operand.words_per_fill, x == kOutputOperand ? 1 : 0,
             std::int64_t{1} << 32);
    in_range(name + ".store_depth", operand.store_depth, 0,
             static_cast<std::int64_t>(work_.loops.size()));
    in_range(name + ".multicast", operand.multicast, 1, pes());
    const bool may_slide = x == kInputOperand && array_.register_rings;
    in_range(name + ".slide_words", operand.slide_words, 0, may_slide ? operand.words_per_fill : 0);
    in_range(name + ".line_address", work_.line_address[x], 0, std::int64_t{1} << 48);
  }

  /// Bytes that the operand keeps in one PE. A streaming operand passes through without being kept;
  /// an adder tree leaves one sum where a chain leaves one in every PE of the column; in a ring the
  /// second copy takes the places of the first.
  std::int64_t kept_bytes(int x) const {
    if (is_streaming(work_, x)) return 0;
    const bool ring = array_.register_rings && x != kWeightOperand;
    const bool twice = work_.operand[x].double_buffered && !ring;
    return kept_words(work_, x) * (twice ? 2 : 1) * word_bytes_;
  }

  void check_registers() const {
    std::int64_t shared = 0;
    for (int x = 0; x < kOperands; ++x) {
      const auto file = static_cast<std::int64_t>(array_.operand_register_bytes[x]);
      if (file == 0)
        shared += kept_bytes(x);
      else if (kept_bytes(x) > file)
        refuse(std::string(kOperandNames[x]) + " register bytes per PE", kept_bytes(x),
               "the file has " + std::to_string(file));
    }
    if (shared > static_cast<std::int64_t>(array_.register_bytes))
      refuse("register bytes per PE", shared,
             "the file has " + std::to_string(array_.register_bytes));
  }

  void in_range(const std::string& field, std::int64_t value, std::int64_t low,
                std::int64_t high) const {
    if (value < low || value > high)
      refuse(field, value, detail::concatenate("must be ", low, " to ", high));
  }

  [[noreturn]] void refuse(const std::string& field, std::int64_t value,
                           const std::string& allowed) const {
    throw UserError(origin_, ": array instruction: ", field, " = ", value, ": ", allowed);
  }

  const PeArrayDescription& array_;
  int word_bytes_;
  const ArrayWork& work_;
  const std::string& origin_;
};

}  // namespace

void check_array_work(const PeArrayDescription& array, int word_bytes, const ArrayWork& work,
                      const std::string& origin) {
  Checker(array, word_bytes, work, origin).run();
}

}  // namespace tessera::hw
