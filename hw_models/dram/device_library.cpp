// Finds device tables by name or path.
#include <filesystem>

#include "hw_models/dram/device.h"
#include "sim/base/data_files.h"
#include "sim/base/message_io.h"

namespace tessera::dram {

namespace {

proto::Device load_message(const std::string& path) {
  proto::Device message;
  load_textproto(path, message);
  return message;
}

}  // namespace

std::string device_file(const std::string& name_or_path) {
  if (name_or_path.ends_with(".textproto")) return name_or_path;
  return data_file("devices", name_or_path).string();
}

Device load_device(const std::string& name_or_path, const DeviceChanges& changes) {
  const std::string path = device_file(name_or_path);
  return device_from_proto(load_message(path), path, changes);
}

std::vector<std::string> list_devices() { return list_data_files("devices"); }

}  // namespace tessera::dram
