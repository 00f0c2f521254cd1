#include "sim/app/progress.h"

#include <unistd.h>

#include <cstdio>

namespace tessera::app {

ProgressLine::ProgressLine(bool forced)
    : on_(forced || isatty(STDERR_FILENO) != 0), begin_(Clock::now()), last_(begin_) {}

void ProgressLine::show(const sim::Progress& now) {
  constexpr std::chrono::milliseconds kInterval(500);
  const auto time = Clock::now();
  if (!on_ || time - last_ < kInterval) return;
  last_ = time;
  shown_ = true;
  const double seconds = std::chrono::duration<double>(time - begin_).count();
  const double left = now.work_done > 0 ? seconds * (1 - now.work_done) / now.work_done : 0;
  std::fprintf(stderr, "\r%3.0f %%  layer %s  cycle %llu  %.0f k cycles/s  %.0f s left   \033[K",
               100 * now.work_done, now.layer.c_str(), static_cast<unsigned long long>(now.cycle),
               static_cast<double>(now.cycle) / seconds / 1e3, left);
}

void ProgressLine::clear() {
  if (shown_) std::fprintf(stderr, "\r\033[K");
}

}  // namespace tessera::app
