#pragma once
#include <stdint.h>
#include <sys/epoll.h>

/// epoll_event is packed and holds a union, which Swift sees poorly: these two read and write its 64-bit datum.
static inline struct epoll_event heddle_epoll_event(uint32_t events, uint64_t data) {
    struct epoll_event event = {.events = events};
    event.data.u64 = data;
    return event;
}

static inline uint64_t heddle_epoll_data(const struct epoll_event *event) { return event->data.u64; }
