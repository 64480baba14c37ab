/* simdjson_job.h - the contender's face: functions of the shapes that hp_codec_t wants. */
#ifndef SIMDJSON_JOB_H
#define SIMDJSON_JOB_H

#include "codec.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct contender contender_t;

contender_t *contender_open(void);
void contender_close(contender_t *state);
int contender_put_instrument(void *state, const hp_instrument_t *instrument);
int contender_decode(void *state, const char *data, size_t size, hp_event_t *event,
                     hp_levels_t *levels);

#ifdef __cplusplus
}
#endif
#endif
