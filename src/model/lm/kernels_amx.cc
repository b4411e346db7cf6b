// bfloat16 products on AMX tiles (Intel SDM vol. 1, ch. 18). Compiled with -mamx-tile -mamx-bf16; called only where
// HasAmx() is true.
#include <immintrin.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "model/lm/kernels.h"

namespace plumb::lm {
namespace {

constexpr int64_t kTile = 512;  // bf16 values in a tile: 16 rows of 32

struct alignas(64) TileConfig {
  uint8_t palette = 1, start_row = 0, reserved[14] = {};
  uint16_t row_bytes[16] = {};
  uint8_t rows[16] = {};
};

// All eight tiles are 16 rows of 64 bytes: 0–3 sums, 4–5 activations, 6–7 weights.
void Configure() {
  TileConfig config;
  for (int t = 0; t < 8; ++t) config.row_bytes[t] = 64, config.rows[t] = 16;
  _tile_loadconfig(&config);
}

// 32 rows of `a` by 32 columns.
void Block32(const bf16* a, int64_t k, const bf16* b0, const bf16* b1, float* out, int64_t ldo, bool accumulate) {
  const int64_t stride = ldo * 4, row = k * 2;
  float* low = out + 16 * ldo;
  if (accumulate) {
    _tile_loadd(0, out, stride);
    _tile_loadd(1, out + 16, stride);
    _tile_loadd(2, low, stride);
    _tile_loadd(3, low + 16, stride);
  } else {
    _tile_zero(0);
    _tile_zero(1);
    _tile_zero(2);
    _tile_zero(3);
  }
  for (int64_t i = 0; i < k; i += 32, b0 += kTile, b1 += kTile) {
    _tile_loadd(4, a + i, row);
    _tile_loadd(6, b0, 64);
    _tile_loadd(7, b1, 64);
    _tile_loadd(5, a + 16 * k + i, row);
    _tile_dpbf16ps(0, 4, 6);
    _tile_dpbf16ps(1, 4, 7);
    _tile_dpbf16ps(2, 5, 6);
    _tile_dpbf16ps(3, 5, 7);
  }
  _tile_stored(0, out, stride);
  _tile_stored(1, out + 16, stride);
  _tile_stored(2, low, stride);
  _tile_stored(3, low + 16, stride);
}

void Block16(const bf16* a, int64_t k, const bf16* b0, const bf16* b1, float* out, int64_t ldo, bool accumulate) {
  const int64_t stride = ldo * 4, row = k * 2;
  if (accumulate) {
    _tile_loadd(0, out, stride);
    _tile_loadd(1, out + 16, stride);
  } else {
    _tile_zero(0);
    _tile_zero(1);
  }
  for (int64_t i = 0; i < k; i += 32, b0 += kTile, b1 += kTile) {
    _tile_loadd(4, a + i, row);
    _tile_loadd(6, b0, 64);
    _tile_loadd(7, b1, 64);
    _tile_dpbf16ps(0, 4, 6);
    _tile_dpbf16ps(1, 4, 7);
  }
  _tile_stored(0, out, stride);
  _tile_stored(1, out + 16, stride);
}

}  // namespace

bool HasAmx() {
  static const bool has = [] {
    unsigned a = 7, b = 0, c = 0, d = 0;
    __asm__("cpuid" : "+a"(a), "=b"(b), "+c"(c), "=d"(d));
    const bool cpu = (d >> 22 & 1) && (d >> 24 & 1);  // AMX-BF16, AMX-TILE
    constexpr int kRequestPermission = 0x1023, kTileData = 18;  // asm/prctl.h
    return cpu && syscall(SYS_arch_prctl, kRequestPermission, kTileData) == 0;
  }();
  return has;
}

void PackAmx(const bf16* weight, int64_t n, int64_t k, bf16* packed) {
  for (int64_t tile = 0; tile < n / 16; ++tile)
    for (int64_t i = 0; i < k; i += 32, packed += kTile)
      for (int64_t pair = 0; pair < 16; ++pair)
        for (int64_t column = 0; column < 16; ++column)
          for (int64_t half = 0; half < 2; ++half)
            packed[pair * 32 + column * 2 + half] = weight[(tile * 16 + column) * k + i + pair * 2 + half];
}

void GemmAmx(const bf16* a, const bf16* packed, float* out, int64_t ldo, int64_t m, int64_t k, int64_t begin,
             int64_t end, bool accumulate) {
  Configure();
  constexpr int64_t kRows = 256;  // of `a` at a time, so that they stay in the second-level cache
  for (int64_t top = 0; top < m; top += kRows) {
    const int64_t bottom = m < top + kRows ? m : top + kRows;
    for (int64_t pair = begin; pair < end; ++pair) {
      const bf16* b0 = packed + pair * 2 * k * 16;
      const bf16* b1 = b0 + k * 16;
      int64_t row = top;
      for (; bottom - row > 16; row += 32) Block32(a + row * k, k, b0, b1, out + row * ldo + pair * 32, ldo, accumulate);
      if (row < bottom) Block16(a + row * k, k, b0, b1, out + row * ldo + pair * 32, ldo, accumulate);
    }
  }
  _tile_release();
}

}  // namespace plumb::lm
