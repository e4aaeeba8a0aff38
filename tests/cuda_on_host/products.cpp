// cuBLAS on the host: the products among what CuPy links against, by plain loops.
#include <cstddef>
#include <cstdio>

// As cuBLAS has them: columns first, and op 0 for a matrix as it is, others for its transpose.
template <typename T>
static int gemm(int op_a, int op_b, int m, int n, int k, T alpha, const T* a, ptrdiff_t lda, const T* b,
                ptrdiff_t ldb, T beta, T* c, ptrdiff_t ldc) {
    for (int j = 0; j < n; ++j) {
        for (int i = 0; i < m; ++i) {
            T sum = 0;
            for (int p = 0; p < k; ++p) {
                sum += (op_a ? a[p + i * lda] : a[i + p * lda]) * (op_b ? b[j + p * ldb] : b[p + j * ldb]);
            }
            T& to = c[i + j * ldc];
            to = alpha * sum + (beta == T(0) ? T(0) : beta * to);
        }
    }
    return 0;
}

#define GEMM(T, letter)                                                                                        \
    int cublas##letter##gemm_v2(void*, int op_a, int op_b, int m, int n, int k, const T* alpha, const T* a,   \
                                int lda, const T* b, int ldb, const T* beta, T* c, int ldc) {                 \
        return gemm(op_a, op_b, m, n, k, *alpha, a, lda, b, ldb, *beta, c, ldc);                              \
    }                                                                                                         \
    int cublas##letter##gemmStridedBatched(void*, int op_a, int op_b, int m, int n, int k, const T* alpha,    \
                                           const T* a, int lda, long long step_a, const T* b, int ldb,        \
                                           long long step_b, const T* beta, T* c, int ldc, long long step_c,  \
                                           int count) {                                                       \
        for (int i = 0; i < count; ++i) {                                                                     \
            gemm(op_a, op_b, m, n, k, *alpha, a + i * step_a, lda, b + i * step_b, ldb, *beta,                \
                 c + i * step_c, ldc);                                                                        \
        }                                                                                                     \
        return 0;                                                                                             \
    }                                                                                                         \
    int cublas##letter##gemmBatched(void*, int op_a, int op_b, int m, int n, int k, const T* alpha,           \
                                    const T** a, int lda, const T** b, int ldb, const T* beta, T** c,         \
                                    int ldc, int count) {                                                     \
        for (int i = 0; i < count; ++i) {                                                                     \
            gemm(op_a, op_b, m, n, k, *alpha, a[i], lda, b[i], ldb, *beta, c[i], ldc);                        \
        }                                                                                                     \
        return 0;                                                                                             \
    }

extern "C" {
GEMM(float, S)
GEMM(double, D)

// All three matrices of one type: 0 is float32, 1 float64.
int cublasGemmEx(void* handle, int op_a, int op_b, int m, int n, int k, const void* alpha, const void* a,
                 int type, int lda, const void* b, int type_b, int ldb, const void* beta, void* c, int type_c,
                 int ldc, int, int) {
    if (type != type_b || type != type_c || type > 1) { return 15; }
    return type ? cublasDgemm_v2(handle, op_a, op_b, m, n, k, (double*)alpha, (double*)a, lda, (double*)b, ldb,
                                 (double*)beta, (double*)c, ldc)
                : cublasSgemm_v2(handle, op_a, op_b, m, n, k, (float*)alpha, (float*)a, lda, (float*)b, ldb,
                                 (float*)beta, (float*)c, ldc);
}
int cublasGemmStridedBatchedEx(void* handle, int op_a, int op_b, int m, int n, int k, const void* alpha,
                               const void* a, int type, int lda, long long step_a, const void* b, int type_b,
                               int ldb, long long step_b, const void* beta, void* c, int type_c, int ldc,
                               long long step_c, int count, int kind, int algorithm) {
    size_t size = type ? sizeof(double) : sizeof(float);
    for (int i = 0; i < count; ++i) {
        int status = cublasGemmEx(handle, op_a, op_b, m, n, k, alpha, (char*)a + i * step_a * size, type, lda,
                                  (char*)b + i * step_b * size, type_b, ldb, beta,
                                  (char*)c + i * step_c * size, type_c, ldc, kind, algorithm);
        if (status) { return status; }
    }
    return 0;
}

int cublasCreate_v2(void** handle) { *handle = (void*)1; return 0; }
int cublasDestroy_v2(void*) { return 0; }
int cublasSetStream_v2(void*, void*) { return 0; }
int cublasGetStream_v2(void*, void** stream) { *stream = nullptr; return 0; }
int cublasSetPointerMode_v2(void*, int) { return 0; }
int cublasGetPointerMode_v2(void*, int* mode) { *mode = 0; return 0; }
int cublasSetMathMode(void*, int) { return 0; }
int cublasGetMathMode(void*, int* mode) { *mode = 0; return 0; }
}
