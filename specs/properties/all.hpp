// All properties, in the order of reports. To add one: write it, and put it into the list.
#pragma once

#include <tuple>

#include "specs/properties/errors.hpp"
#include "specs/properties/interrupts.hpp"
#include "specs/properties/lvt.hpp"
#include "specs/properties/messages.hpp"
#include "specs/properties/mode.hpp"
#include "specs/properties/msr.hpp"
#include "specs/properties/registers.hpp"
#include "specs/properties/reset.hpp"
#include "specs/properties/timer.hpp"
#include "specs/properties/window.hpp"

namespace lapicheck::specs {

using Properties = std::tuple<
    // The mail's question.
    NoMmioReadInX2apic, NoMmioEffectInX2apic, NoMmioReadWhenDisabled, NoMmioEffectWhenDisabled,
    ClosedWindowTellsNothing, MmioIsolation, NoMsiFromWindow, NoMemoryInClosedWindow, NoExitFromClosedWindow,
    OnlyTheWindow,
    // Modes.
    ModeTransitions, LockedX2apicStays, ApicBaseReservedBitsFault, ApicBaseReadsBack, AcceptedApicBaseIsKept,
    ApicBaseChangesByWrmsrAndReset, InvalidModeUnreachable, GpChangesNothing, OnlyMsrsAndCr8Fault,
    SameModeWriteKeepsRegisters, IdAfterLeavingX2apic, X2apicEntryKeepsTheRest, X2apicEntrySetsTheId,
    X2apicIdStays,
    // The MSR space.
    MsrSpaceFaultsOutsideX2apic, ReservedMsrsFault, CmciMsrFaultsWhereAbsent, ReadOnlyMsrsFaultOnWrite,
    WriteOnlyMsrsFaultOnRead, HighBitsFault, ReservedLowBitsFault, EoiNonzeroFaults, EsrNonzeroFaults,
    SelfIpiReservedBitsFault, IcrReservedBitsFault, ValidWrmsrSucceeds, RdmsrSucceeds,
    X2apicReadsHaveZeroReservedBits, RdmsrHasNoSideEffect, OtherMsrsAreNotTheApics,
    // Registers.
    MmioReadReturnsRegister, RdmsrReturnsRegister, BoundsAreTrue, X2apicIdIsRead, X2apicLdrFormula,
    VersionReservedBitsReadZero, VersionConstant, DfrLowBitsReadOnes, EsrHighBitsReadZero,
    EsrReservedBitsReadZeroOnAmd, MmioWriteLands, WrmsrLands, XapicIdWrite, MmioReadsChangeNothing,
    ReservedOffsetTouchesNoRegister, ReadOnlyRegistersKeepTheirValue, AccessTouchesOnlyItsRegister,
    OddAccessStaysInItsSlots,
    // The spurious vector register and the local vector table.
    SoftwareDisableMasksLvt, SoftwareDisableKeepsTheRest, SoftwareDisableIsRemembered,
    LvtStaysMaskedWhileDisabled, SoftwareEnableUnmasksNothing, OnlySoftwareClearsMask, LvtWriteSetsItsMask,
    LvtReadOnlyBits, AbsentCmciIsUntouched, CmciIsThereByVersion, NoDeadlineModeWithoutCpuid,
    HardwareMasksOnlyPmc,
    // The timer.
    InitialCountReadsBack, InitialCountKept, DeadlineModeIgnoresInitialCount, DeadlineModeCountsNothing,
    CurrentCountBelowInitial, DeadlineWriteArms, DeadlineReadsBack, DeadlineMsrIdleOutside,
    DeadlineMsrFaultsWithoutCpuid, ModeSwitchDisarms, DeadlineKept, MaskedTimerDoesNotInterrupt,
    StoppedTimerDoesNotExpire, TimerFiresItsVector, TimerWithIllegalVector, DeadlineFiresOnce,
    // Interrupts.
    PhysicalDestination, FlatDestination, ClusterDestination, X2apicLogicalDestination,
    BroadcastReachesEveryApic, AcceptanceSetsIrrAndTmr, IllegalVectorIsNotAccepted, OtherMessagesBypassIrr,
    BypassingMessagesArrive, SoftwareDisabledAcceptsNothing, DisabledApicAcceptsNothing,
    HighestRequestIsTaken, NothingBelowPprIsTaken, TakenInterruptMovesToIsr, EoiClearsHighestIsr,
    EoiBroadcast, OnlyEoiEndsInterrupts, PprValue, Cr8IsTpr, Cr8ReadsFourBits, Cr8WriteSetsTpr,
    Cr8HighBitsFault, LowVectorsNeverSet, CommandWriteSends, OnlyCommandRegistersSend,
    DeliveryStatusIsReadOnly,
    // Errors.
    EsrWriteLatches, SecondEsrWriteReadsZero, EsrKeepsUntilWritten, ReservedOffsetIsRecorded,
    RegisterIsNoIllegalAddress, NoIllegalRegisterInX2apic, IllegalVectorLoggedBySender,
    LegalIpiRecordsNothing, IllegalDeviceVectorIsRecorded, ErrorsHaveACause, FirstErrorRaisesInterrupt,
    MaskedErrorEntryIsSilent,
    // RESET and INIT.
    ResetValues, ResetApicBase, InitValues, InitKeepsMode, InitForAnotherApic, InitLeavesDisabledApicAlone,
    InitDeassertIgnored, StartUpChangesNothing>;

} // namespace lapicheck::specs
