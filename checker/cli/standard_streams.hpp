// Standard input, output and error as the rest of the program may take them for granted.
#pragma once

namespace lapicheck::checker {

// First of all in main(). Descriptors 0 to 2 are open, so that no file gets one of these numbers; what is
// read from or written to one that was closed fails. A message that standard error does not take, because it
// is full, closed or a pipe that nobody reads, is lost and nothing else: no exception, no SIGPIPE.
void secure_standard_streams();

} // namespace lapicheck::checker
