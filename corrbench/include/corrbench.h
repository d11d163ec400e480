/* The C interface of a target: corrbench verify path/lib.so:symbol
 *
 *     int symbol(const corrbench_conv2d *call);
 *
 * computes one 2-D cross-correlation (no flip, as torch.nn.functional.conv2d) and returns 0; 1 for what it does not
 * do, which is reported as unsupported; any other number if it failed. Whatever it is handed has a result: sizes fit,
 * strides and dilations are 1 or more, padding is 0 or more. It may be called with no images (x_size[0] == 0).
 *
 * y[n,o,i,j] = b[o] + sum over c, p, q of x[n, g*C + c, i*stride[0] + p*dilation[0] - padding[0],
 *                                           j*stride[1] + q*dilation[1] - padding[2]] * w[o,c,p,q]
 *
 * where C is w_size[1], g = o / (y_size[1] / groups), and x is zero outside.
 *
 * With --form corr2d, one plane under one kernel, the interface is instead, dense in memory and in float only:
 *
 *     int symbol(const float *x, int h, int w, const float *k, int kh, int kw, float *y);
 *
 * where y has h - kh + 1 rows of w - kw + 1 elements.
 */
#ifndef CORRBENCH_H
#define CORRBENCH_H

#include <stdint.h>

enum {
    CORRBENCH_FLOAT64 = 1,
    CORRBENCH_FLOAT32,
    CORRBENCH_FLOAT16, /* the bits of an IEEE 754 binary16 */
    CORRBENCH_INT64,
    CORRBENCH_INT32,
    CORRBENCH_INT16,
    CORRBENCH_INT8,
    CORRBENCH_UINT8,
    CORRBENCH_COMPLEX128, /* real and imaginary part in turn */
    CORRBENCH_COMPLEX64
};

typedef struct {
    int64_t version; /* of this struct: 1 */
    int64_t dtype;   /* of x, w, b and y */
    const void *x;   /* the element [0,0,0,0] of the images */
    const void *w;   /* ... of the kernels */
    const void *b;   /* ... of the bias; NULL without one */
    void *y;         /* ... of the result, to be written; its memory holds garbage */
    int64_t x_size[4];   /* N, C * groups, rows, columns */
    int64_t w_size[4];   /* O, C, rows, columns */
    int64_t y_size[4];   /* N, O, rows, columns */
    int64_t x_stride[4]; /* elements from one index to the next; may be 0, and may be negative */
    int64_t w_stride[4];
    int64_t y_stride[4];
    int64_t b_stride;
    int64_t stride[2];   /* rows, columns */
    int64_t padding[4];  /* zeros at the top, bottom, left, right */
    int64_t dilation[2]; /* rows, columns */
    int64_t groups;
} corrbench_conv2d;

#endif
