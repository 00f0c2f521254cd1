// What every analytical model offers: one case from its files, or a folder of cases. A model never
// reads a predicted column, field or table; its inputs are the files that describe a case.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <variant>
#include <vector>

namespace tessera::mapping {

/// Whether a model repeats the documented faults of the tool it stands for.
enum class Faults {
  kAsShipped,  ///< equal to the tool's own output
  kFixed,      ///< with the faults listed in the model's README mended
};

struct PredictOptions {
  Faults faults = Faults::kAsShipped;
};

/// Paths of one case; empty when the model's files carry that part elsewhere (an nn_dataflow
/// schedule brings its layers and hardware along).
struct CaseFiles {
  std::string network;      ///< layer or problem
  std::string schedule;     ///< mapping
  std::string accelerator;  ///< architecture
};

using Cell = std::variant<std::string, std::int64_t, double>;

/// A table of results under the names of the tool's own tables. Units are in the column names.
struct ResultTable {
  std::string
      name;  ///< stem of the file that holds it in the tool's reference folder, such as "cases"
  std::vector<std::string> columns;
  std::vector<std::vector<Cell>> rows;  ///< as many cells as columns
};

/// To so many decimals, as the tools print.
double rounded(double value, int decimals);

/// As CSV text, columns in order. Doubles print with up to 10 significant digits.
std::string to_csv(const ResultTable& table);

/// A re-implementation of one analytical tool. Has no state: predictions depend on the arguments
/// alone.
class Predictor {
 public:
  virtual ~Predictor() = default;

  virtual std::string name() const = 0;  ///< as in `--model NAME`
  virtual std::string summary() const = 0;

  /// Predicts one case. The first table is the summary, one row; further tables hold details.
  /// UserError when a file is malformed, a file is missing, or the model does not know a feature it
  /// uses.
  virtual std::vector<ResultTable> predict_case(const CaseFiles& files,
                                                const PredictOptions& options) const = 0;

  /// Predicts every case of a folder laid out as the tool's reference data. Reads the key columns
  /// of the folder's main table (those naming the case and its files; other columns may be absent)
  /// and the case files, nothing else. The first table is the main table, row for row; details
  /// follow.
  virtual std::vector<ResultTable> predict_cases(const std::filesystem::path& folder,
                                                 const PredictOptions& options) const = 0;
};

/// "a.yaml,b.yaml" as its parts, for models whose hardware is described by more than one file.
std::vector<std::string> split_list(const std::string& list);

/// Names of all models in the order in which help prints them.
std::vector<std::string> predictor_names();

/// UserError naming the known models when there is none of that name.
std::unique_ptr<Predictor> make_predictor(const std::string& name);

}  // namespace tessera::mapping
