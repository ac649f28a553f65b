#include "traces/file_descriptor.hpp"

#include <utility>

#include <unistd.h>

namespace lapicheck::traces {

FileDescriptor::~FileDescriptor() {
    if (fd_ >= 0) ::close(fd_);
}

FileDescriptor& FileDescriptor::operator=(FileDescriptor&& other) noexcept {
    std::swap(fd_, other.fd_);
    return *this;
}

} // namespace lapicheck::traces
