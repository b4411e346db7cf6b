// Compiled with -mamx-tile -mamx-bf16 -mavx512bf16 (CMakeLists.txt); elsewhere this file holds
// nothing that is called.
#include "model/train/products_amx.h"

#if defined(__AMX_BF16__)
#include <immintrin.h>

namespace plumb::train::kernels {
namespace {

constexpr long kTile = 512;    // bfloat16 values in a tile: 16 rows of 32
constexpr long kRows = 640;    // of the left side at a time: they stay in the second-level cache
constexpr long kDepth = 704;   // of k at a time: the packed columns stay in the first
constexpr long kSums = 1024;  // sums of a block of 32 x 32

struct alignas(64) TileConfig {
  unsigned char palette = 1, start_row = 0, reserved[14] = {};
  unsigned short row_bytes[16] = {};
  unsigned char rows[16] = {};
};

// All eight tiles are 16 rows of 64 bytes: 0–3 sums, 4–5 the left side, 6–7 the packed side.
void Configure() {
  TileConfig config;
  for (int t = 0; t < 8; ++t) config.row_bytes[t] = 64, config.rows[t] = 16;
  _tile_loadconfig(&config);
}

void Begin(const float* sums, bool zero) {
  if (zero) {
    _tile_zero(0);
    _tile_zero(1);
    _tile_zero(2);
    _tile_zero(3);
    return;
  }
  _tile_loadd(0, sums, 128);
  _tile_loadd(1, sums + 16, 128);
  _tile_loadd(2, sums + 512, 128);
  _tile_loadd(3, sums + 528, 128);
}

void Multiply(const Bf16* a, long ld, long k, const Bf16* b0, const Bf16* b1) {
  const Bf16* low = a + 16 * ld;
  for (long i = 0; i < k; i += 32, b0 += kTile, b1 += kTile) {
    _tile_loadd(4, a + i, ld * 2);
    _tile_loadd(6, b0, 64);
    _tile_loadd(7, b1, 64);
    _tile_loadd(5, low + i, ld * 2);
    _tile_dpbf16ps(0, 4, 6);
    _tile_dpbf16ps(1, 4, 7);
    _tile_dpbf16ps(2, 5, 6);
    _tile_dpbf16ps(3, 5, 7);
  }
}

void End(float* sums) {
  _tile_stored(0, sums, 128);
  _tile_stored(1, sums + 16, 128);
  _tile_stored(2, sums + 512, 128);
  _tile_stored(3, sums + 528, 128);
}

// `past` writes past the caches: results are wider than they hold, and fetching the old contents
// first would cost as much as the sums.
void Round(const float* sums, const float* bias, long rows, bool past, Bf16* out, long ldo) {
  const __m512 b0 = bias ? _mm512_loadu_ps(bias) : _mm512_setzero_ps(),
               b1 = bias ? _mm512_loadu_ps(bias + 16) : _mm512_setzero_ps();
  for (long i = 0; i < rows; ++i) {
    const __m512 low = _mm512_add_ps(_mm512_loadu_ps(sums + i * 32), b0),
                 high = _mm512_add_ps(_mm512_loadu_ps(sums + i * 32 + 16), b1);
    const __m512i pairs = (__m512i)_mm512_cvtne2ps_pbh(high, low);
    if (past)
      _mm512_stream_si512(reinterpret_cast<__m512i*>(out + i * ldo), pairs);
    else
      _mm512_storeu_si512(out + i * ldo, pairs);
  }
}

constexpr long Smaller(long a, long b) { return a < b ? a : b; }
// The whole cut into `parts`, in multiples of 32.
constexpr long Even(long whole, long parts) {
  return parts > 0 ? ((whole + parts - 1) / parts + 31) / 32 * 32 : 0;
}
constexpr long Larger(long a, long b) { return a > b ? a : b; }

// Two rows of 32 values → pairs: the first 16 columns' and the last 16's.
void Interleave(const Bf16* even, const Bf16* odd, Bf16* first, Bf16* second) {
  alignas(64) unsigned short order[64];
  for (int c = 0; c < 16; ++c) {
    order[2 * c] = static_cast<unsigned short>(c);
    order[2 * c + 1] = static_cast<unsigned short>(32 + c);
    order[32 + 2 * c] = static_cast<unsigned short>(16 + c);
    order[32 + 2 * c + 1] = static_cast<unsigned short>(48 + c);
  }
  const __m512i a = _mm512_loadu_si512(even), b = _mm512_loadu_si512(odd);
  _mm512_storeu_si512(first, _mm512_permutex2var_epi16(a, _mm512_load_si512(order), b));
  _mm512_storeu_si512(second, _mm512_permutex2var_epi16(a, _mm512_load_si512(order + 32), b));
}

}  // namespace

void PackTiles(const Bf16* w, long ld, long n, long k, Bf16* tiles, long tiles_k) {
  for (long tile = 0; tile < n / 16; ++tile)
    for (long i = 0; i < k; i += 32) {
      Bf16* to = tiles + tile * 16 * tiles_k + i * 16;
      for (long pair = 0; pair < 16; ++pair)
        for (long column = 0; column < 16; ++column)
          __builtin_memcpy(to + pair * 32 + column * 2, w + (tile * 16 + column) * ld + i + pair * 2,
                           4);
    }
}

void PackTilesTransposed(const Bf16* w, long ld, long n, long k, Bf16* tiles, long tiles_k) {
  for (long i = 0; i < k; i += 2)
    for (long j = 0; j < n; j += 32) {
      Bf16* to = tiles + j * tiles_k + i / 32 * kTile + i % 32 * 16;
      Interleave(w + i * ld + j, w + (i + 1) * ld + j, to, to + 16 * tiles_k);
    }
}

void Product(const Factor& a0, const Factor& a1, const Bf16* tiles, long tiles_k, const Block& block,
             const float* bias, Bf16* out, long ldo, float* scratch) {
  Configure();
  const long k = a0.k + a1.k, parts = (k + kDepth - 1) / kDepth,
             depth = Even(k, parts);
  const long rows = block.row_end - block.row, height = Even(rows, (rows + kRows - 1) / kRows);
  const bool past = block.pair_end - block.pair > 2 && ldo % 32 == 0 &&
                    reinterpret_cast<unsigned long>(out) % 64 == 0;
  for (long top = block.row; top < block.row_end; top += height) {
    const long bottom = Smaller(top + height, block.row_end);
    for (long from = 0; from < k; from += depth) {
      const long to = Smaller(from + depth, k), split = Smaller(Larger(a0.k, from), to);
      for (long pair = block.pair; pair < block.pair_end; ++pair) {
        const Bf16 *b0 = tiles + pair * 32 * tiles_k + from * 16, *b1 = b0 + 16 * tiles_k;
        for (long row = top; row < bottom; row += 32) {
          float* sums = scratch;
          if (parts > 1) sums += ((pair - block.pair) * (kRows / 32) + (row - top) / 32) * kSums;
          Begin(sums, from == 0);
          if (from < split) Multiply(a0.a + row * a0.ld + from, a0.ld, split - from, b0, b1);
          if (split < to)
            Multiply(a1.a + row * a1.ld + split - a0.k, a1.ld, to - split, b0 + (split - from) * 16,
                     b1 + (split - from) * 16);
          End(sums);
          if (to == k)
            Round(sums, bias ? bias + pair * 32 : nullptr, Smaller(32, block.row_end - row),
                  past, out + row * ldo + pair * 32, ldo);
        }
      }
    }
  }
  _mm_sfence();
  _tile_release();
}

void TransposeRows(const Bf16* x, long ld, long m, long n, Bf16* y) {
  const __m512i places =
      _mm512_mullo_epi32(_mm512_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15),
                         _mm512_set1_epi32(static_cast<int>(ld * 2)));
  for (long j = 0; j < n; j += 2)
    for (long i = 0; i < m; i += 16) {
      const __m512i both = _mm512_i32gather_epi32(places, x + i * ld + j, 1);
      _mm256_storeu_si256(reinterpret_cast<__m256i*>(y + j * m + i), _mm512_cvtepi32_epi16(both));
      _mm256_storeu_si256(reinterpret_cast<__m256i*>(y + (j + 1) * m + i),
                          _mm512_cvtepi32_epi16(_mm512_srli_epi32(both, 16)));
    }
}

void PackStrip(const Bf16* x, long ld, long m, Bf16* strip) {
  for (long i = 0; i < m; i += 2) {
    Bf16* to = strip + i / 32 * 2 * kTile + i % 32 * 16;
    Interleave(x + i * ld, x + (i + 1) * ld, to, to + kTile);
  }
}

void StripProduct(const Bf16* s, long lds, long m, const Bf16* strip, float* block) {
  Configure();
  _tile_zero(0);
  _tile_zero(1);
  for (long i = 0; i < m; i += 32, strip += 2 * kTile) {
    _tile_loadd(4, s + i, lds * 2);
    _tile_loadd(6, strip, 64);
    _tile_loadd(7, strip + kTile, 64);
    _tile_dpbf16ps(0, 4, 6);
    _tile_dpbf16ps(1, 4, 7);
  }
  _tile_stored(0, block, 128);
  _tile_stored(1, block + 16, 128);
  _tile_release();
}

}  // namespace plumb::train::kernels
#else
namespace plumb::train::kernels {
void PackTiles(const Bf16*, long, long, long, Bf16*, long) {}
void PackTilesTransposed(const Bf16*, long, long, long, Bf16*, long) {}
void Product(const Factor&, const Factor&, const Bf16*, long, const Block&, const float*, Bf16*,
             long, float*) {}
void TransposeRows(const Bf16*, long, long, long, Bf16*) {}
void PackStrip(const Bf16*, long, long, Bf16*) {}
void StripProduct(const Bf16*, long, long, const Bf16*, float*) {}
}  // namespace plumb::train::kernels
#endif
