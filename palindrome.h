/* palindrome.h - includes all headers of libpalindrome: tape, operations, optimisers, models. */
#ifndef PALINDROME_H
#define PALINDROME_H

#include "autograd/autograd.h"
#include "autograd/communicator.h"
#include "autograd/explain.h"
#include "autograd/file.h"
#include "autograd/gradcheck.h"
#include "autograd/gradcheck_function.h"
#include "autograd/operation.h"
#include "ops/notation.h"
#include "ops/ops.h"
#include "optim/minimise.h"
#include "optim/optim.h"
#include "models/models.h"

#endif
