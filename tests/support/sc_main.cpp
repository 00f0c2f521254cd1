// Kernel tests start in sc_main; CTest runs every case in a process of its own, so each has a fresh
// kernel.
#include <gtest/gtest.h>

#include <systemc>

int sc_main(int argc, char** argv) {
  testing::InitGoogleTest(&argc, argv);
  return RUN_ALL_TESTS();
}
