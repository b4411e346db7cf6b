// Memory for tables that are read all over: in pages of 2 MiB where the system has them, so that a look costs no walk
// through page tables.
#pragma once

#include <sys/mman.h>

#include <cstddef>
#include <cstdlib>
#include <new>

namespace plumb::guard {

// For std::vector. Asking for large pages may fail, and costs nothing then.
template <class T>
struct HugePages {
  using value_type = T;
  static constexpr size_t kPage = size_t{2} << 20;

  HugePages() = default;
  template <class U>
  HugePages(const HugePages<U>&) {}

  T* allocate(size_t n) {
    const size_t bytes = n * sizeof(T);
    if (bytes < kPage) return static_cast<T*>(::operator new(bytes));
    void* memory = std::aligned_alloc(kPage, (bytes + kPage - 1) / kPage * kPage);
    if (memory == nullptr) throw std::bad_alloc();
    madvise(memory, bytes, MADV_HUGEPAGE);
    return static_cast<T*>(memory);
  }
  void deallocate(T* memory, size_t n) {
    n * sizeof(T) < kPage ? ::operator delete(memory) : std::free(memory);
  }
  bool operator==(const HugePages&) const = default;
};

}  // namespace plumb::guard
