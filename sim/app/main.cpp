// SystemC's library owns `main` and calls sc_main.
#include <cstdlib>
#include <systemc>

#include "sim/app/command.h"

namespace {

// The kernel prints its copyright banner before sc_main unless told not to; results on standard
// output should be ours alone.
const int banner_off = setenv("SC_COPYRIGHT_MESSAGE", "DISABLE", /*overwrite=*/0);

}  // namespace

int sc_main(int argc, char** argv) {
  (void)banner_off;
  return tessera::app::run_program(argc, argv);
}
