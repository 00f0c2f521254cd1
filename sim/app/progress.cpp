#include "sim/app/progress.h"

#include <unistd.h>

#include <cstdio>

namespace tessera::app {

ProgressLine::ProgressLine(bool forced)
    : on_(forced || isatty(STDERR_FILENO) != 0), begin_(Clock::now()), last_(begin_) {}

double ProgressLine::due() {
  constexpr std::chrono::milliseconds kInterval(500);
  const auto time = Clock::now();
  if (!on_ || time - last_ < kInterval) return -1;
  last_ = time;
  shown_ = true;
  return std::chrono::duration<double>(time - begin_).count();
}

namespace {

double left_of(double seconds, double done) { return done > 0 ? seconds * (1 - done) / done : 0; }

}  // namespace

void ProgressLine::show(const sim::Progress& now) {
  const double seconds = due();
  if (seconds < 0) return;
  std::fprintf(stderr, "\r%3.0f %%  layer %s  cycle %llu  %.0f k cycles/s  %.0f s left   \033[K",
               100 * now.work_done, now.layer.c_str(), static_cast<unsigned long long>(now.cycle),
               static_cast<double>(now.cycle) / seconds / 1e3, left_of(seconds, now.work_done));
}

void ProgressLine::show(const mapping::RefineProgress& now) {
  const double seconds = due();
  if (seconds < 0) return;
  std::fprintf(stderr,
               "\rrefining %3.0f %%  layer %s  %d candidates  %.1f M cycles simulated  %.0f s left"
               "   \033[K",
               100 * now.done, now.layer.c_str(), now.candidates,
               static_cast<double>(now.simulated) / 1e6, left_of(seconds, now.done));
}

void ProgressLine::clear() {
  if (shown_) std::fprintf(stderr, "\r\033[K");
}

}  // namespace tessera::app
