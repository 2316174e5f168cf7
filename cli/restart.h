/* restart.h - the program, or a bench, starts itself again with other kernels of OpenBLAS. */
#ifndef PAL_CLI_RESTART_H
#define PAL_CLI_RESTART_H

#define PAL_CLI_KERNELS "OPENBLAS_CORETYPE" /* the variable that chooses them */

/* Starts this program again. Returns only if that fails. */
void pal_cli_restart(char **argv);
/* If a context would advise other kernels of OpenBLAS, starts the program again with them. Never if the user has chosen
 * some. If it fails, it returns, and the program goes on with the slower kernels. */
void pal_cli_take_kernels(char **argv);

#endif
