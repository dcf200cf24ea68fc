/* processor_cadence.h -- how often the built-in processors of transcripts run, unless a schedule says
 * otherwise (spec 60 Health): the one place for the scheduler, which runs them, and for health, which waits
 * for them. */
#pragma once

#define VERIFICATION_CADENCE_VARIABLE "SCHEDULER_VERIFICATION_DETECTOR_INTERVAL"
#define VERIFICATION_CADENCE_S 900
#define USAGE_CADENCE_VARIABLE "SCHEDULER_USAGE_PROCESSOR_INTERVAL"
#define USAGE_CADENCE_S 600
#define PROCESSOR_SCHEDULE_PREFIX "session-processor:" /* and the processor's name: its schedule */
