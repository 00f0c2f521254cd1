#include "noc/study/study_page.h"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <numbers>
#include <vector>

namespace tessera::noc {

namespace {

template <typename... Arguments>
std::string format(const char* pattern, Arguments... arguments) {
  char buffer[512];
  std::snprintf(buffer, sizeof buffer, pattern, arguments...);
  return buffer;
}

struct Place {
  double x = 0;
  double y = 0;
};

// Routers where the grid has them, else round a circle.
std::vector<Place> places(const Topology& topology, double size) {
  std::vector<Place> result(topology.routers());
  for (RouterId router = 0; router < result.size(); ++router) {
    if (topology.grid()) {
      const double step = size / std::max(topology.grid()->columns, topology.grid()->rows);
      result[router] = {(topology.grid()->x(router) + 0.5) * step,
                        (topology.grid()->y(router) + 0.5) * step};
    } else {
      const double angle = 2 * std::numbers::pi * router / static_cast<double>(result.size());
      result[router] = {size / 2 * (1 + 0.92 * std::cos(angle)),
                        size / 2 * (1 + 0.92 * std::sin(angle))};
    }
  }
  return result;
}

// From light grey over yellow to red.
std::string heat_colour(double share) {
  const double s = std::clamp(share, 0.0, 1.0);
  const int red = static_cast<int>(s < 0.5 ? 220 + 70 * s : 255 - 70 * (s - 0.5));
  const int green = static_cast<int>(s < 0.5 ? 220 - 40 * s : 200 * (1 - s) * 2);
  const int blue = static_cast<int>(s < 0.5 ? 220 * (1 - 2 * s) : 0);
  return format("#%02x%02x%02x", red, green, blue);
}

// Each direction of a link is drawn on its own right-hand side; links longer than one step are
// bowed.
std::string link_path(const Place& from, const Place& to, double step) {
  const double dx = to.x - from.x;
  const double dy = to.y - from.y;
  const double length = std::max(1e-9, std::hypot(dx, dy));
  const double side = step * 0.07;
  const double bow = length > 1.5 * step ? 0.12 * length : 0.0;
  const double nx = -dy / length;
  const double ny = dx / length;
  return format("M%.1f %.1fQ%.1f %.1f %.1f %.1f", from.x + nx * side, from.y + ny * side,
                (from.x + to.x) / 2 + nx * (side + bow), (from.y + to.y) / 2 + ny * (side + bow),
                to.x + nx * side, to.y + ny * side);
}

std::string escaped(const std::string& text) {
  std::string out;
  for (const char c : text) {
    if (c == '<')
      out += "&lt;";
    else if (c == '&')
      out += "&amp;";
    else
      out += c;
  }
  return out;
}

std::string row(const std::string& name, const std::string& value) {
  return "<tr><td>" + name + "</td><td>" + value + "</td></tr>\n";
}

std::string figures(const proto::StudyResult& result) {
  const auto& latency = result.packet_latency_cycles();
  std::string table = "<table>\n";
  table += row("network",
               escaped(result.topology() + ", " + result.routing() + ", " + result.traffic()));
  table += row("packets measured", std::to_string(latency.count()));
  table += row("packet latency, cycles",
               format("mean %.2f, p50 %llu, p95 %llu, p99 %llu, max %llu", latency.mean(),
                      static_cast<unsigned long long>(latency.p50()),
                      static_cast<unsigned long long>(latency.p95()),
                      static_cast<unsigned long long>(latency.p99()),
                      static_cast<unsigned long long>(latency.max())));
  const auto& parts = result.packet_latency_parts_cycles();
  table += row("of which, cycles",
               format("source queue %.2f, empty network %.2f, contention %.2f",
                      parts.source_queueing(), parts.zero_load(), parts.contention()));
  table +=
      row("traffic, flits per node and cycle",
          format("offered %.4f, accepted %.4f%s", result.offered_flits_per_node_cycle(),
                 result.accepted_flits_per_node_cycle(), result.saturated() ? ", saturated" : ""));
  table += row("busiest link",
               format("router %u to %u: %.1f %%", result.worst_link().from(),
                      result.worst_link().to(), 100 * result.worst_link().utilisation()));
  return table + "</table>\n";
}

}  // namespace

std::string curve_svg(const proto::StudyResult& result) {
  constexpr double kWidth = 560;
  constexpr double kHeight = 340;
  constexpr double kLeft = 60;
  constexpr double kBottom = 40;
  double most_load = 0;
  double lowest = 1e300;
  for (const auto& point : result.curve()) {
    most_load = std::max(most_load, point.offered_flits_per_node_cycle());
    lowest = std::min(lowest, point.mean_packet_latency_cycles());
  }
  const double most_latency = 6 * lowest;
  const auto x = [&](double load) { return kLeft + load / most_load * (kWidth - kLeft - 20); };
  const auto y = [&](double latency) {
    return kHeight - kBottom - std::min(1.0, latency / most_latency) * (kHeight - kBottom - 20);
  };
  std::string svg =
      format("<svg width='%.0f' height='%.0f' role='img'><g font-size='12'>", kWidth, kHeight);
  for (int i = 0; i <= 5; ++i) {
    const double load = most_load * i / 5;
    const double latency = most_latency * i / 5;
    svg += format("<text x='%.1f' y='%.1f' text-anchor='middle'>%.3g</text>", x(load), kHeight - 22,
                  load);
    svg += format("<text x='%.1f' y='%.1f' text-anchor='end'>%.0f</text>", kLeft - 6,
                  y(latency) + 4, latency);
    svg += format("<line x1='%.1f' x2='%.1f' y1='%.1f' y2='%.1f' stroke='#ddd'/>", kLeft,
                  kWidth - 20, y(latency), y(latency));
  }
  svg +=
      format("<text x='%.1f' y='%.1f' text-anchor='middle'>offered flits per node and cycle</text>",
             (kLeft + kWidth) / 2, kHeight - 5);
  std::string line;
  for (const auto& point : result.curve()) {
    const double px = x(point.offered_flits_per_node_cycle());
    const double mean = point.mean_packet_latency_cycles();
    const double half = point.mean_packet_latency_ci95_cycles();
    line += format("%s%.1f %.1f", line.empty() ? "M" : "L", px, y(mean));
    svg += format("<line x1='%.1f' x2='%.1f' y1='%.1f' y2='%.1f' stroke='#555'/>", px, px,
                  y(mean - half), y(mean + half));
    svg += format(
        "<circle cx='%.1f' cy='%.1f' r='3' fill='%s'><title>%.4f: %.2f cycles</title></circle>", px,
        y(mean), point.saturated() ? "#c22" : "#246", point.offered_flits_per_node_cycle(), mean);
  }
  return svg + "<path d='" + line + "' fill='none' stroke='#246'/></g></svg>\n";
}

std::string heat_map_svg(const Network& network) {
  constexpr double kSize = 640;
  const Topology& topology = network.topology();
  const NetworkStats& stats = network.stats();
  const auto at = places(topology, kSize);
  const double across = topology.grid() ? std::max(topology.grid()->columns, topology.grid()->rows)
                                        : std::sqrt(static_cast<double>(topology.routers())) * 2;
  const double step = kSize / across;
  std::string svg = format("<svg width='%.0f' height='%.0f' role='img'>", kSize, kSize);
  for (const WireStats& wire : stats.wires) {
    if (wire.kind != WireKind::kLink) continue;
    const double used = stats.cycle == 0
                            ? 0
                            : static_cast<double>(wire.flits() * wire.interval_cycles) /
                                  static_cast<double>(stats.cycle);
    svg += "<path d='" + link_path(at[wire.from], at[wire.to], step) + "' fill='none' stroke='" +
           heat_colour(used) + format("' stroke-width='%.2f'>", std::max(0.6, step * 0.09));
    svg += format("<title>%u to %u: %llu flits, %.1f %%</title></path>", wire.from, wire.to,
                  static_cast<unsigned long long>(wire.flits()), 100 * used);
  }
  for (RouterId router = 0; router < topology.routers(); ++router)
    svg += format(
        "<rect x='%.1f' y='%.1f' width='%.1f' height='%.1f' fill='#345'><title>router "
        "%u</title></rect>",
        at[router].x - step * 0.12, at[router].y - step * 0.12, step * 0.24, step * 0.24, router);
  return svg + "</svg>\n";
}

std::string study_page(const proto::StudyResult& result, const Network& network) {
  std::string page =
      "<!DOCTYPE html>\n<html lang='en'><head><meta charset='utf-8'><title>Network study</title>\n"
      "<style>body{font-family:sans-serif;margin:2em;color:#222}td{padding:2px 12px 2px 0}</style>"
      "</head><body>\n<h1>Network study</h1>\n";
  page += figures(result);
  if (result.curve_size() > 0) page += "<h2>Latency over load</h2>\n" + curve_svg(result);
  page += "<h2>Link utilisation</h2>\n" + heat_map_svg(network);
  page += "<p>Grey: idle, red: busy in every cycle. Point at a link for its numbers.</p>\n";
  return page + "</body></html>\n";
}

}  // namespace tessera::noc
