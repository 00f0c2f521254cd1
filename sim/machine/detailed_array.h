// `--detail pe`: a tile's array as one module per PE.
#pragma once

#include <functional>
#include <systemc>

#include "hw_models/array/pe_array_detail.h"
#include "hw_models/tile/array_executor.h"

namespace tessera::sim {

/// Starts instructions at their cycle and reports their end. Only between the tile's instructions
/// does the closed form stay out of it: everything an instruction takes comes from tokens that PEs
/// pass on.
class DetailedArray final : public sc_core::sc_module, public hw::ArrayExecutor {
 public:
  using Done = std::function<void(const hw::ArrayTiming& timing)>;

  DetailedArray(const sc_core::sc_module_name& name, const hw::Accelerator& accelerator,
                std::uint64_t period_ps, Done done);

  void begin(const hw::ArrayWork& work, Cycle now, Cycle start) override;

 private:
  void start();
  void finish();

  std::uint64_t period_ps_;
  hw::PeArrayDetail array_;
  hw::ArrayWork work_;
  Done done_;
  sc_core::sc_event ev_start_;
};

}  // namespace tessera::sim
