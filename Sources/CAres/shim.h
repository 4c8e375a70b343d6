#pragma once
#include <netdb.h>
#include <ares.h>
