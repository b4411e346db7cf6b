// What one instruction set offers: the kernels of kernels.inl over ranges, as function pointers.
#pragma once

#include "model/train/kernel_types.h"

namespace plumb::train::kernels {

template <class T>
struct TypedTable {
  void (*rms_norm)(const float*, const float*, float, long, long, long, T*, long, float*);
  void (*rms_norm_backward)(const T*, long, const float*, const float*, const float*, long, long,
                            long, float*);
  void (*layer_norm)(const float*, const float*, const float*, float, long, long, long, float*, T*,
                     long, float*);
  void (*swiglu)(const T*, long, long, long, T*, long);
  void (*swiglu_backward)(const T*, long, const T*, long, long, long, T*);
  void (*gelu)(const T*, long, long, long, T*, long);
  void (*gelu_backward)(const T*, long, const T*, long, long, long, T*);
  void (*add)(const float*, const T*, long, long, long, long, float*);
  void (*cast)(const float*, long, long, long, T*);
  void (*head_norm)(const T*, const AttentionShape&, const float*, const float*, float, long, long,
                    T*);
  void (*head_norm_backward)(T*, const T*, const AttentionShape&, const float*, const float*, float,
                             long, long);
  void (*attention)(const AttentionRows&, const AttentionShape&, const T*, T*, long, float*, long,
                    float*);
  void (*attention_backward)(const AttentionRows&, const AttentionShape&, const T*, const T*, long,
                             const float*, const T*, long, float*, T*, long, float*);
  void (*attention_gather)(const AttentionRows&, const AttentionShape&, const float*, T*, long,
                           long, float*);
  TokenStats (*softmax)(T*, const T*, long, int64_t, const float*, const float*);
  void (*dropout)(const T*, long, long, long, long, float, uint64_t, T*);
  void (*dropout_backward)(const T*, long, long, long, float, uint64_t, T*, long);
};

struct Table {
  TypedTable<float> f32;
  TypedTable<Bf16> bf16;
  void (*layer_norm_backward)(const float*, const float*, const float*, const float*, long, long,
                              long, float*);
  void (*adamw)(const AdamWStep&, double, double, float*, const float*, float*, float*, long, long);
  long (*scratch_floats)(long, long);
};

const Table& BaselineTable();
const Table& Avx512Table();  // where the machine has x86-64-v4

}  // namespace plumb::train::kernels
