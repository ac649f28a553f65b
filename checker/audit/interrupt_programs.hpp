// The programs about messages, what is done with them, and what processors take.
#pragma once

#include "checker/audit/writer.hpp"

namespace lapicheck::checker {

void write_interrupt_programs(AuditWriter& writer, model::Mode mode);

} // namespace lapicheck::checker
