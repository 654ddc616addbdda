/* Loaded into a server by LD_PRELOAD: the time of day is CLOCK_AHEAD seconds ahead. Other clocks, which measure lengths of time, are not changed. */
#define _GNU_SOURCE
#include <stdlib.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

int clock_gettime(clockid_t clock, struct timespec *now) {
    int result = (int)syscall(SYS_clock_gettime, clock, now);
    const char *ahead = getenv("CLOCK_AHEAD");
    if (result == 0 && clock == CLOCK_REALTIME && ahead != NULL) {
        now->tv_sec += atol(ahead);
    }
    return result;
}
