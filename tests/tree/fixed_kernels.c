/* fixed_kernels.c - loaded before OpenBLAS, it makes it look like a build for one processor, whose kernels cannot be
 * chosen. portable.sh uses it. */
char *openblas_get_corename(void);

char *openblas_get_corename(void)
{
    static char name[] = "Haswell";
    return name;
}
