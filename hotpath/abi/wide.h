/* wide.h - 128-bit intermediates, spelled once so that -Wpedantic stays on everywhere else. */
#ifndef HP_WIDE_H
#define HP_WIDE_H

__extension__ typedef __int128 hp_wide_t;
__extension__ typedef unsigned __int128 hp_uwide_t;

#endif
