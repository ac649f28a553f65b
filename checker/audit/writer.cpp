#include "checker/audit/writer.hpp"

#include <fmt/format.h>

namespace lapicheck::checker {

void AuditWriter::program(std::string_view what, model::Mode mode, const std::function<void(Script&)>& write,
                          std::string_view detail) {
    using model::Reg;
    if (mode == model::Mode::x2apic && !machine_->x2apic) return;
    Script script(*machine_);
    for (std::uint32_t vcpu = 0; vcpu < machine_->apic_ids.size(); ++vcpu) {
        script.on(vcpu);
        script.write(Reg::svr, row_of(Reg::svr).reset | model::svr::enable);
    }
    script.on(0);
    script.enter(mode);
    write(script);
    all_.push_back(
        {fmt::format("{}, {} mode{}{}", what, model::to_string(mode), detail.empty() ? "" : ", ", detail),
         mode, script.take()});
}

} // namespace lapicheck::checker
