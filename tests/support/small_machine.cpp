#include "tests/support/small_machine.h"

#include <array>
#include <sstream>

#include "hw_models/description/convert.h"
#include "sim/base/error.h"
#include "sim/base/message_io.h"

namespace tessera::test {

namespace {

constexpr const char* kOnes =
    "energy { source: 'test' mac: 1 register_access_word: 1 array_transfer_word: 1 "
    "buffer_access_word: 1 vector_operation: 1 noc_hop_word: 1 dram_access_word: 1 "
    "static_per_tile_cycle: 1 }\n";

template <typename T, std::size_t N>
T any_of(Random& random, const std::array<T, N>& choices) {
  return choices[random.below(N)];
}

std::string channel_at(int row, int column) {
  return detail::concatenate("dram { device: 'lpddr4_3200' write_buffer_bytes: 1024 at { row: ",
                             row, " column: ", column, " } }\n");
}

std::string random_tile(Random& random, int line_bytes, int ports, int payload_bytes) {
  const int banks = any_of(random, std::array{4, 8});
  std::ostringstream text;
  text << "tile { array { rows: " << any_of(random, std::array{1, 2, 4, 8})
       << " columns: " << any_of(random, std::array{1, 3, 4, 8})
       << " macs_per_pe: " << any_of(random, std::array{1, 1, 2})
       << " reduction: " << any_of(random, std::array{"CHAIN", "TREE"})
       << " register_bytes: " << any_of(random, std::array{64, 128, 256}) << " }"
       << " buffer { bytes: " << any_of(random, std::array{4096, 8192, 32768})
       << " banks: " << banks << " line_bytes: " << line_bytes << " ports: " << ports << " }"
       << " interface { max_payload_bytes: " << payload_bytes << " staging_bytes: " << payload_bytes
       << " outstanding_receives: " << random.between(1, 8) << " }"
       << " issue_cycles: " << random.between(0, 2) << " }\n";
  return text.str();
}

}  // namespace

hw::Accelerator machine_of(const std::string& fields) {
  hw::proto::AcceleratorDescription description;
  std::string text = fields + "\n";
  if (text.find("dram {") == std::string::npos) text += channel_at(0, 0);
  if (text.find("energy {") == std::string::npos) text += kOnes;
  if (text.find("name:") == std::string::npos) text += "name: 'machine'\n";
  parse_textproto(text, "machine", description);
  return hw::to_accelerator(description, "machine");
}

hw::Accelerator grid_machine(int rows, int columns) {
  return machine_of(detail::concatenate(
      "name: 'grid' rows: ", rows, " columns: ", columns,
      " tile { array { rows: 4 columns: 4 } buffer { bytes: 8192 banks: 4 } }\n", channel_at(0, 0),
      channel_at(rows - 1, columns - 1)));
}

hw::Accelerator random_machine(Random& random) {
  const int rows = static_cast<int>(random.between(1, 4));
  const int columns = static_cast<int>(random.between(1, 4));
  const int ports = static_cast<int>(random.between(1, 2));
  const int line_bytes = any_of(random, std::array{16, 32});
  const int flit_bytes = line_bytes / (ports == 2 ? 2 : 4) / (random.bernoulli(0.3) ? 2 : 1);
  std::ostringstream text;
  text << "name: 'random' rows: " << rows << " columns: " << columns
       << " word_bits: " << any_of(random, std::array{8, 16})
       << " dram_interleave_bytes: " << any_of(random, std::array{32, 64, 256}) << "\n"
       << random_tile(random, line_bytes, ports, any_of(random, std::array{32, 64, 256}))
       << "noc { topology: MESH flit_bytes: " << flit_bytes
       << " multicast: " << (random.bernoulli(0.75) ? "true" : "false")
       << " detail: " << any_of(random, std::array{"RUN", "FLIT"}) << " }\n";
  for (std::int64_t channels = random.between(1, 3); channels > 0; --channels)
    text << channel_at(static_cast<int>(random.below(rows)),
                       static_cast<int>(random.below(columns)));
  for (std::int64_t number = random.between(0, 2); number > 0; --number)
    text << "shared_buffers { name: 's" << number
         << "' bytes: " << any_of(random, std::array{1024, 4096, 16384})
         << " bytes_per_cycle: " << any_of(random, std::array{4, 16, 32})
         << " latency_cycles: " << random.between(0, 5)
         << " write_buffer_bytes: " << any_of(random, std::array{32, 256, 2048})
         << " at { row: " << random.below(rows) << " column: " << random.below(columns) << " } }\n";
  return machine_of(text.str());
}

}  // namespace tessera::test
