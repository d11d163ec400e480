/* A client of docs/protocol.md in C: cc -O2 -o conv2d conv2d.c && corrbench verify cmd:./conv2d */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The whole numbers of a key, such as "x":[1,2,3,4]; 0 if the key is not there. No blanks come between. */
static int numbers(const char *text, const char *key, long *to, int count) {
    const char *at = strstr(text, key);
    if (!at) return 0;
    at += strlen(key);
    for (int i = 0; i < count; i++) {
        char *end;
        to[i] = strtol(at + (*at == '[' || *at == ','), &end, 10);
        at = end;
    }
    return 1;
}

static void answer(const char *text, const void *data, size_t size) {
    uint64_t length = strlen(text); /* little-endian, as most machines are */
    fwrite(&length, 8, 1, stdout);
    fwrite(text, 1, length, stdout);
    if (size) fwrite(data, 1, size, stdout);
    fflush(stdout);
}

static double get(const void *data, int wide, long i) {
    return wide ? ((const double *)data)[i] : ((const float *)data)[i];
}

static void *array(size_t size) {
    void *data = malloc(size + 1);
    if (!data || fread(data, 1, size, stdin) != size) exit(1);
    return data;
}

int main(void) {
    uint64_t length;
    while (fread(&length, 8, 1, stdin) == 1) {
        char *text = array(length), said[200];
        text[length] = 0;
        if (strstr(text, "\"hello\"")) {
            answer("{\"protocol\":1,\"dtypes\":[\"float32\",\"float64\"]}", NULL, 0);
            free(text);
            continue;
        }
        long x[4], w[4], b[1], y[4], s[2] = {1, 1}, p[4] = {0}, d[2] = {1, 1}, groups = 1;
        numbers(text, "\"x\":", x, 4), numbers(text, "\"w\":", w, 4), numbers(text, "\"y\":", y, 4);
        numbers(text, "\"stride\":", s, 2), numbers(text, "\"padding\":", p, 4);
        numbers(text, "\"dilation\":", d, 2), numbers(text, "\"groups\":", &groups, 1);
        int biased = numbers(text, "\"b\":", b, 1), wide = !!strstr(text, "\"float64\"");
        size_t element = 4 * (1 + wide), count = (size_t)(y[0] * y[1] * y[2] * y[3]);
        void *X = array(element * x[0] * x[1] * x[2] * x[3]), *W = array(element * w[0] * w[1] * w[2] * w[3]);
        void *B = biased ? array(element * b[0]) : NULL, *Y = malloc(element * count + 1);
        for (size_t at = 0; at < count; at++) {
            long j = at % y[3], i = at / y[3] % y[2], o = at / y[3] / y[2] % y[1], n = at / y[3] / y[2] / y[1];
            double sum = biased ? get(B, wide, o) : 0;
            for (long c = 0; c < w[1]; c++)
                for (long k = 0; k < w[2]; k++)
                    for (long l = 0; l < w[3]; l++) {
                        long row = i * s[0] + k * d[0] - p[0], column = j * s[1] + l * d[1] - p[2];
                        if (row < 0 || row >= x[2] || column < 0 || column >= x[3]) continue;
                        long channel = o / (w[0] / groups) * w[1] + c;
                        sum += get(X, wide, ((n * x[1] + channel) * x[2] + row) * x[3] + column) *
                               get(W, wide, ((o * w[1] + c) * w[2] + k) * w[3] + l);
                    }
            if (wide) ((double *)Y)[at] = sum; else ((float *)Y)[at] = (float)sum;
        }
        snprintf(said, sizeof said, "{\"y\":[%ld,%ld,%ld,%ld]}", y[0], y[1], y[2], y[3]);
        answer(said, Y, element * count);
        free(text), free(X), free(W), free(B), free(Y);
    }
    return 0;
}
