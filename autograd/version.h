/* version.h - the version of the libraries and of the program, in one place: meson.build reads the three numbers here.
 *
 * docs/abi.md says what each number promises. */
#ifndef PAL_VERSION_H
#define PAL_VERSION_H

#define PAL_VERSION_MAJOR 0
#define PAL_VERSION_MINOR 1
#define PAL_VERSION_PATCH 0

#define PAL_VERSION_TEXT_(major, minor, patch) #major "." #minor "." #patch
#define PAL_VERSION_TEXT(major, minor, patch)  PAL_VERSION_TEXT_(major, minor, patch)
/* "0.1.0": the version of the headers that a program was compiled with */
#define PAL_VERSION PAL_VERSION_TEXT(PAL_VERSION_MAJOR, PAL_VERSION_MINOR, PAL_VERSION_PATCH)

#pragma GCC visibility push(default)
#ifdef __cplusplus
extern "C" {
#endif

/* The version of the library that runs, a constant string. It may be newer than PAL_VERSION. */
const char *pal_version(void);

#ifdef __cplusplus
}
#endif
#pragma GCC visibility pop
#endif
