// What AssemblyScript has built in, for the datapath printed as C: the same operations on a memory that
// is addressed by 32-bit offsets from a base, as the WebAssembly code addresses its own.
#pragma once
#include <emmintrin.h>
#include <smmintrin.h>
#include <tmmintrin.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef uint8_t u8;
typedef uint16_t u16;
typedef uint32_t u32;
typedef uint64_t u64;
typedef int32_t i32;
typedef int64_t i64;
typedef uint32_t usize;
typedef __m128i v128;

// The 4 GiB of linear memory lie at a fixed place, so that the base costs a register and no load.
#define MEMORY_BASE 0x200000000ull
#define AT(p, offset) ((uint8_t *)MEMORY_BASE + (u64)(u32)(p) + (u64)(u32)(offset))

// Calls with and without an offset: load_u32(p) and load_u32(p, 4).
#define PICK3(a, b, c, name, ...) name
#define PICK2(a, b, name, ...) name
#define ACCESS(T)                                                                                            \
  typedef T __attribute__((aligned(1), may_alias)) any_##T;                                                  \
  static inline __attribute__((always_inline)) T get_##T(u32 p, u32 offset) {                                \
    return *(const any_##T *)AT(p, offset);                                                                  \
  }                                                                                                          \
  static inline __attribute__((always_inline)) void put_##T(u32 p, T value, u32 offset) {                    \
    *(any_##T *)AT(p, offset) = value;                                                                       \
  }
ACCESS(u8) ACCESS(u16) ACCESS(u32) ACCESS(u64) ACCESS(i32) ACCESS(i64)
#define LOAD1(T, p) get_##T(p, 0)
#define LOAD2(T, p, offset) get_##T(p, offset)
#define STORE2(T, p, value) put_##T(p, value, 0)
#define STORE3(T, p, value, offset) put_##T(p, value, offset)
#define LOAD(T, ...) PICK2(__VA_ARGS__, LOAD2, LOAD1)(T, __VA_ARGS__)
#define STORE(T, ...) PICK3(__VA_ARGS__, STORE3, STORE2)(T, __VA_ARGS__)
#define as_load_u8(...) LOAD(u8, __VA_ARGS__)
#define as_load_u16(...) LOAD(u16, __VA_ARGS__)
#define as_load_u32(...) LOAD(u32, __VA_ARGS__)
#define as_load_u64(...) LOAD(u64, __VA_ARGS__)
#define as_load_i32(...) LOAD(i32, __VA_ARGS__)
#define as_load_i64(...) LOAD(i64, __VA_ARGS__)
#define as_store_u8(...) STORE(u8, __VA_ARGS__)
#define as_store_u16(...) STORE(u16, __VA_ARGS__)
#define as_store_u32(...) STORE(u32, __VA_ARGS__)
#define as_store_u64(...) STORE(u64, __VA_ARGS__)
#define as_store_i32(...) STORE(i32, __VA_ARGS__)

static inline __attribute__((always_inline)) v128 get_v128(u32 p, u32 offset) {
  return _mm_loadu_si128((const __m128i *)AT(p, offset));
}
static inline __attribute__((always_inline)) void put_v128(u32 p, v128 value, u32 offset) {
  _mm_storeu_si128((__m128i *)AT(p, offset), value);
}
#define v128_load(...) LOAD(v128, __VA_ARGS__)
#define v128_store(...) STORE(v128, __VA_ARGS__)
#define v128_and(a, b) _mm_and_si128(a, b)
#define v128_or(a, b) _mm_or_si128(a, b)
#define v128_xor(a, b) _mm_xor_si128(a, b)
#define v128_not(a) _mm_xor_si128(a, _mm_set1_epi32(-1))
#define v128_andnot(a, b) _mm_andnot_si128(b, a)
#define v128_any_true(a) (!_mm_testz_si128(a, a))
#define i32x4_eq(a, b) _mm_cmpeq_epi32(a, b)
#define i32x4_add(a, b) _mm_add_epi32(a, b)
#define i32x4_splat(a) _mm_set1_epi32((int)(a))
#define i32x4_bitmask(a) _mm_movemask_ps(_mm_castsi128_ps(a))
#define i32x4_all_true(a) (_mm_testz_si128(_mm_cmpeq_epi32(a, _mm_setzero_si128()), _mm_set1_epi32(-1)))
#define i32x4_extract_lane(a, lane) _mm_extract_epi32(a, lane)
#define i32x4_replace_lane(a, lane, value) _mm_insert_epi32(a, (int)(value), lane)
#define i32x4_sub(a, b) _mm_sub_epi32(a, b)
#define i32x4_mul(a, b) _mm_mullo_epi32(a, b)
#define i32x4_ne(a, b) v128_not(_mm_cmpeq_epi32(a, b))
#define i32x4_shl(a, n) _mm_slli_epi32(a, n)
#define i32x4_shr_u(a, n) _mm_srli_epi32(a, n)
#define i16x8_eq(a, b) _mm_cmpeq_epi16(a, b)
#define i16x8_splat(a) _mm_set1_epi16((short)(a))
#define i8x16_eq(a, b) _mm_cmpeq_epi8(a, b)
#define i8x16_splat(a) _mm_set1_epi8((char)(a))
#define as_i8x16(...) ((v128)(bytes16){__VA_ARGS__})
#define i8x16_swizzle(a, places) _mm_shuffle_epi8(a, _mm_adds_epu8(places, _mm_set1_epi8(0x70)))
#define i8x16_bitmask(a) _mm_movemask_epi8(a)
#define i8x16_all_true(a) (_mm_testz_si128(_mm_cmpeq_epi8(a, _mm_setzero_si128()), _mm_set1_epi32(-1)))
#define i64x2_all_true(a) (_mm_testz_si128(_mm_cmpeq_epi64(a, _mm_setzero_si128()), _mm_set1_epi32(-1)))
#define i64x2_eq(a, b) _mm_cmpeq_epi64(a, b)
#define i64x2_ne(a, b) _mm_xor_si128(_mm_cmpeq_epi64(a, b), _mm_set1_epi32(-1))
#define i64x2_bitmask(a) _mm_movemask_pd(_mm_castsi128_pd(a))
#define i64x2_sub(a, b) _mm_sub_epi64(a, b)
#define i64x2_shl(a, n) _mm_slli_epi64(a, n)
#define i64x2_shr_u(a, n) _mm_srli_epi64(a, n)
#define i64x2_replace_lane(a, lane, value) _mm_insert_epi64(a, (long long)(value), lane)
#define v128_bitselect(a, b, mask) _mm_or_si128(_mm_and_si128(a, mask), _mm_andnot_si128(mask, b))
#define LOAD_ZERO32_1(T, p) _mm_cvtsi32_si128((int)get_u32(p, 0))
#define LOAD_ZERO32_2(T, p, offset) _mm_cvtsi32_si128((int)get_u32(p, offset))
#define LOAD_ZERO64_1(T, p) _mm_cvtsi64_si128((long long)get_u64(p, 0))
#define LOAD_ZERO64_2(T, p, offset) _mm_cvtsi64_si128((long long)get_u64(p, offset))
#define LOAD_SPLAT32_1(T, p) _mm_set1_epi32((int)get_u32(p, 0))
#define LOAD_SPLAT32_2(T, p, offset) _mm_set1_epi32((int)get_u32(p, offset))
#define LOAD_SPLAT64_1(T, p) _mm_set1_epi64x((long long)get_u64(p, 0))
#define LOAD_SPLAT64_2(T, p, offset) _mm_set1_epi64x((long long)get_u64(p, offset))
#define v128_load32_zero(...) PICK2(__VA_ARGS__, LOAD_ZERO32_2, LOAD_ZERO32_1)(u32, __VA_ARGS__)
#define v128_load64_zero(...) PICK2(__VA_ARGS__, LOAD_ZERO64_2, LOAD_ZERO64_1)(u64, __VA_ARGS__)
#define v128_load32_splat(...) PICK2(__VA_ARGS__, LOAD_SPLAT32_2, LOAD_SPLAT32_1)(u32, __VA_ARGS__)
#define v128_load64_splat(...) PICK2(__VA_ARGS__, LOAD_SPLAT64_2, LOAD_SPLAT64_1)(u64, __VA_ARGS__)
#define i64x2_add(a, b) _mm_add_epi64(a, b)
#define i64x2_splat(a) _mm_set1_epi64x((long long)(a))
#define i64x2_extract_lane(a, lane) ((i64)_mm_extract_epi64(a, lane))
#define i64x2_extend_low_i32x4_u(a) _mm_cvtepu32_epi64(a)
#define i64x2_extend_high_i32x4_u(a) _mm_cvtepu32_epi64(_mm_srli_si128(a, 8))
#define i64x2_extmul_low_i32x4_u(a, b) _mm_mul_epu32(_mm_cvtepu32_epi64(a), _mm_cvtepu32_epi64(b))
#define i64x2_extmul_high_i32x4_u(a, b)                                                                      \
  _mm_mul_epu32(_mm_cvtepu32_epi64(_mm_srli_si128(a, 8)), _mm_cvtepu32_epi64(_mm_srli_si128(b, 8)))
// Shuffles go over two vectors of bytes or of 32-bit lanes.
typedef u8 bytes16 __attribute__((vector_size(16)));
typedef u32 words4 __attribute__((vector_size(16)));
#define i8x16_shuffle(a, b, ...) ((v128)__builtin_shuffle((bytes16)(a), (bytes16)(b), (bytes16){__VA_ARGS__}))
#define v128_shuffle_i32(a, b, ...) ((v128)__builtin_shuffle((words4)(a), (words4)(b), (words4){__VA_ARGS__}))

#define memory_copy(to, from, n) memmove(AT(to, 0), AT(from, 0), n)
#define memory_fill(to, value, n) memset(AT(to, 0), (int)(value), n)
#define memory_compare(a, b, n) memcmp(AT(a, 0), AT(b, 0), n)
#define ATOMIC_LOAD1(T, p) __atomic_load_n((T *)AT(p, 0), __ATOMIC_SEQ_CST)
#define ATOMIC_LOAD2(T, p, offset) __atomic_load_n((T *)AT(p, offset), __ATOMIC_SEQ_CST)
#define ATOMIC_STORE2(T, p, value) __atomic_store_n((T *)AT(p, 0), value, __ATOMIC_SEQ_CST)
#define ATOMIC_STORE3(T, p, value, offset) __atomic_store_n((T *)AT(p, offset), value, __ATOMIC_SEQ_CST)
#define atomic_load_u32(...) PICK2(__VA_ARGS__, ATOMIC_LOAD2, ATOMIC_LOAD1)(u32, __VA_ARGS__)
#define atomic_store_u32(...) PICK3(__VA_ARGS__, ATOMIC_STORE3, ATOMIC_STORE2)(u32, __VA_ARGS__)

#define CMPXCHG3(T, p, expected, value) CMPXCHG4(T, p, expected, value, 0)
#define CMPXCHG4(T, p, expected, value, offset)                                                              \
  ({                                                                                                         \
    T seen_ = (expected);                                                                                    \
    __atomic_compare_exchange_n((T *)AT(p, offset), &seen_, (T)(value), false, __ATOMIC_SEQ_CST,             \
                                __ATOMIC_SEQ_CST);                                                           \
    seen_;                                                                                                   \
  })
#define PICK4(a, b, c, d, name, ...) name
#define atomic_cmpxchg_u32(...) PICK4(__VA_ARGS__, CMPXCHG4, CMPXCHG3)(u32, __VA_ARGS__)
#define atomic_cmpxchg_u64(...) PICK4(__VA_ARGS__, CMPXCHG4, CMPXCHG3)(u64, __VA_ARGS__)
#define atomic_load_u64(...) PICK2(__VA_ARGS__, ATOMIC_LOAD2, ATOMIC_LOAD1)(u64, __VA_ARGS__)
#define atomic_store_u64(...) PICK3(__VA_ARGS__, ATOMIC_STORE3, ATOMIC_STORE2)(u64, __VA_ARGS__)
#define FETCH2(op, T, p, value) __atomic_fetch_##op((T *)AT(p, 0), (T)(value), __ATOMIC_SEQ_CST)
#define FETCH3(op, T, p, value, offset) __atomic_fetch_##op((T *)AT(p, offset), (T)(value), __ATOMIC_SEQ_CST)
#define atomic_add_u32(...) PICK3(__VA_ARGS__, FETCH3, FETCH2)(add, u32, __VA_ARGS__)
#define atomic_add_u64(...) PICK3(__VA_ARGS__, FETCH3, FETCH2)(add, u64, __VA_ARGS__)
#define atomic_sub_u32(...) PICK3(__VA_ARGS__, FETCH3, FETCH2)(sub, u32, __VA_ARGS__)
#define atomic_sub_u64(...) PICK3(__VA_ARGS__, FETCH3, FETCH2)(sub, u64, __VA_ARGS__)

#define MIN_OF(a, b) ({ __auto_type a_ = (a); __auto_type b_ = (b); a_ < b_ ? a_ : b_; })
#define MAX_OF(a, b) ({ __auto_type a_ = (a); __auto_type b_ = (b); a_ > b_ ? a_ : b_; })
#define as_min(a, b) MIN_OF(a, b)
#define as_max(a, b) MAX_OF(a, b)
#define as_min_u32(a, b) MIN_OF((u32)(a), (u32)(b))
#define as_max_u32(a, b) MAX_OF((u32)(a), (u32)(b))
#define as_min_u64(a, b) MIN_OF((u64)(a), (u64)(b))
#define as_max_u64(a, b) MAX_OF((u64)(a), (u64)(b))
#define as_min_i32(a, b) MIN_OF((i32)(a), (i32)(b))
#define as_max_i32(a, b) MAX_OF((i32)(a), (i32)(b))
#define as_u32(x) ((u32)(x))
#define as_u64(x) ((u64)(x))
#define as_i32(x) ((i32)(x))
static inline u32 as_ctz_u32(u32 x) { return x == 0 ? 32 : (u32)__builtin_ctz(x); }
static inline i32 as_ctz_i32(i32 x) { return x == 0 ? 32 : __builtin_ctz((u32)x); }
static inline u64 as_ctz_u64(u64 x) { return x == 0 ? 64 : (u64)__builtin_ctzll(x); }
static inline u64 as_ctz_i64(u64 x) { return as_ctz_u64(x); }
static inline u32 as_clz_u32(u32 x) { return x == 0 ? 32 : (u32)__builtin_clz(x); }
static inline i32 as_clz_i32(i32 x) { return x == 0 ? 32 : __builtin_clz((u32)x); }
#define as_ctz(x) as_ctz_u32(x)
#define as_clz(x) as_clz_u32(x)
#define as_select(yes, no, condition) ((condition) ? (yes) : (no))
#define as_select_u32(yes, no, condition) ((condition) ? (u32)(yes) : (u32)(no))
#define as_select_i32(yes, no, condition) ((condition) ? (i32)(yes) : (i32)(no))
#define as_select_u64(yes, no, condition) ((condition) ? (u64)(yes) : (u64)(no))
#define as_select_v128(yes, no, condition) ((condition) ? (yes) : (no))
#define as_u8(x) ((u8)(x))
#define as_u16(x) ((u16)(x))
#define as_popcnt_u32(x) ((u32)__builtin_popcount(x))
#define as_popcnt_i32(x) __builtin_popcount((u32)(x))
#define as_popcnt_u64(x) ((u64)__builtin_popcountll(x))
#define as_bswap_u16(x) __builtin_bswap16(x)
#define as_bswap_u32(x) __builtin_bswap32(x)
#define as_bswap_u64(x) __builtin_bswap64(x)
static inline u32 as_rotl_u32(u32 x, u32 n) { return (x << (n & 31)) | (x >> (-n & 31)); }
static inline u32 as_rotr_u32(u32 x, u32 n) { return (x >> (n & 31)) | (x << (-n & 31)); }
static inline u64 as_rotr_u64(u64 x, u64 n) { return (x >> (n & 63)) | (x << (-n & 63)); }
static inline u64 as_rotl_u64(u64 x, u64 n) { return (x << (n & 63)) | (x >> (-n & 63)); }
#define as_assert(condition)                                                                                 \
  do {                                                                                                       \
    if (__builtin_expect(!(condition), 0)) {                                                                 \
      fprintf(stderr, "the datapath's own check failed: %s\n", #condition);                                  \
      abort();                                                                                               \
    }                                                                                                        \
  } while (0)
