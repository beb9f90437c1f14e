// A Node module that adds the op GmrKernel to the TensorFlow library in this process.
//
// The library is found among those that are loaded already, so that this file needs neither its headers nor the library
// itself to be built, and works with any version from 2.9 on: only its C interface for ops and kernels is used.

#define _GNU_SOURCE
#include "kernels.h"

#include <dlfcn.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

// Of Node-API, which Node exports to its modules.
typedef struct napi_env__ *napi_env;
typedef struct napi_value__ *napi_value;
int napi_throw_error(napi_env, const char *code, const char *message);
int napi_create_string_utf8(napi_env, const char *text, size_t length, napi_value *result);
int napi_set_named_property(napi_env, napi_value object, const char *name, napi_value value);

#define EXPORTED __attribute__((visibility("default")))

#define TF_FLOAT 1
#define TF_INVALID_ARGUMENT 3
#define MAX_INPUTS 8
#define MAX_RANK 8

typedef struct TF_Status TF_Status;
typedef struct TF_Tensor TF_Tensor;
typedef struct TF_OpDefinitionBuilder TF_OpDefinitionBuilder;
typedef struct TF_KernelBuilder TF_KernelBuilder;
typedef struct TF_OpKernelContext TF_OpKernelContext;
typedef struct TF_OpKernelConstruction TF_OpKernelConstruction;
typedef struct TF_ShapeInferenceContext TF_ShapeInferenceContext;

#define FUNCTIONS(F)                                                                                           \
  F(TF_Status *, TF_NewStatus, (void))                                                                         \
  F(void, TF_DeleteStatus, (TF_Status *))                                                                      \
  F(int, TF_GetCode, (const TF_Status *))                                                                      \
  F(void, TF_SetStatus, (TF_Status *, int, const char *))                                                      \
  F(const char *, TF_Message, (const TF_Status *))                                                             \
  F(TF_OpDefinitionBuilder *, TF_NewOpDefinitionBuilder, (const char *))                                       \
  F(void, TF_OpDefinitionBuilderAddAttr, (TF_OpDefinitionBuilder *, const char *))                             \
  F(void, TF_OpDefinitionBuilderAddInput, (TF_OpDefinitionBuilder *, const char *))                            \
  F(void, TF_OpDefinitionBuilderAddOutput, (TF_OpDefinitionBuilder *, const char *))                           \
  F(void, TF_OpDefinitionBuilderSetShapeInferenceFunction,                                                     \
    (TF_OpDefinitionBuilder *, void (*)(TF_ShapeInferenceContext *, TF_Status *)))                             \
  F(void, TF_ShapeInferenceContextSetUnknownShape, (TF_ShapeInferenceContext *, TF_Status *))                  \
  F(void, TF_RegisterOpDefinition, (TF_OpDefinitionBuilder *, TF_Status *))                                    \
  F(TF_KernelBuilder *, TF_NewKernelBuilder,                                                                   \
    (const char *, const char *, void *(*)(TF_OpKernelConstruction *), void (*)(void *, TF_OpKernelContext *), \
     void (*)(void *)))                                                                                        \
  F(void, TF_RegisterKernelBuilder, (const char *, TF_KernelBuilder *, TF_Status *))                           \
  F(int, TF_NumInputs, (TF_OpKernelContext *))                                                                 \
  F(int, TF_NumOutputs, (TF_OpKernelContext *))                                                                \
  F(void, TF_GetInput, (TF_OpKernelContext *, int, TF_Tensor **, TF_Status *))                                 \
  F(TF_Tensor *, TF_AllocateOutput,                                                                            \
    (TF_OpKernelContext *, int, int, const int64_t *, int, size_t, TF_Status *))                               \
  F(void *, TF_TensorData, (const TF_Tensor *))                                                                \
  F(void, TF_DeleteTensor, (TF_Tensor *))                                                                      \
  F(void, TF_OpKernelContext_Failure, (TF_OpKernelContext *, TF_Status *))

#define DECLARE(result, name, parameters) static result(*name) parameters;
FUNCTIONS(DECLARE)

static const char *LIBRARIES[] = {
    "libtensorflow.so.2",    "libtensorflow_cc.so.2",    "libtensorflow_framework.so.2",
    "libtensorflow.2.dylib", "libtensorflow_cc.2.dylib", "libtensorflow_framework.2.dylib",
};

static const Kernels *table;
/** What keeps the op from working, or NULL. */
static const char *problem;
static char reason[300];
static pthread_mutex_t running = PTHREAD_MUTEX_INITIALIZER;

#define MAX_SCRATCH 80
static struct {
  void *memory;
  size_t bytes;
} scratches[MAX_SCRATCH];

void *scratch(int slot, size_t bytes) {
  if (scratches[slot].bytes >= bytes) return scratches[slot].memory;
  free(scratches[slot].memory);
  size_t wanted = (bytes + bytes / 4 + 63) / 64 * 64;
  if (posix_memalign(&scratches[slot].memory, 64, wanted) != 0) abort();
  scratches[slot].bytes = wanted;
  return scratches[slot].memory;
}

static void *create(TF_OpKernelConstruction *construction) {
  (void)construction;
  return NULL;
}

static void destroy(void *kernel) { (void)kernel; }

static void unknownShapes(TF_ShapeInferenceContext *context, TF_Status *status) {
  TF_ShapeInferenceContextSetUnknownShape(context, status);
}

/** Plan: the kind of kernel, for each output its rank and size, and the kernel's own integers. */
static void compute(void *kernel, TF_OpKernelContext *context) {
  (void)kernel;
  TF_Status *status = TF_NewStatus();
  TF_Tensor *tensors[MAX_INPUTS + 1] = {NULL}, *results[MAX_INPUTS] = {NULL};
  const float *in[MAX_INPUTS + 1] = {NULL};
  float *out[MAX_INPUTS] = {NULL};
  int inputs = TF_NumInputs(context) - 1, outputs = TF_NumOutputs(context);
  if (inputs > MAX_INPUTS || outputs > MAX_INPUTS) {
    TF_SetStatus(status, TF_INVALID_ARGUMENT, "GmrKernel takes and gives up to 8 tensors");
  }
  for (int i = 0; i <= inputs && TF_GetCode(status) == 0; i++) TF_GetInput(context, i, &tensors[i], status);
  if (TF_GetCode(status) == 0) {
    const int32_t *plan = TF_TensorData(tensors[inputs]);
    int kind = *plan++;
    for (int i = 0; i < inputs; i++) in[i] = TF_TensorData(tensors[i]);
    for (int i = 0; i < outputs && TF_GetCode(status) == 0; i++) {
      int rank = *plan++;
      int64_t size[MAX_RANK];
      size_t bytes = sizeof(float);
      for (int axis = 0; axis < rank; axis++) bytes *= size[axis] = *plan++;
      results[i] = TF_AllocateOutput(context, i, TF_FLOAT, size, rank, bytes, status);
      if (TF_GetCode(status) == 0) out[i] = TF_TensorData(results[i]);
    }
    if (TF_GetCode(status) == 0) {
      // Threads and scratch memory are shared by all of the process.
      pthread_mutex_lock(&running);
      table->run[kind](plan, in, out);
      pthread_mutex_unlock(&running);
    }
  }
  if (TF_GetCode(status) != 0) TF_OpKernelContext_Failure(context, status);
  for (int i = 0; i <= inputs && i <= MAX_INPUTS; i++) if (tensors[i]) TF_DeleteTensor(tensors[i]);
  for (int i = 0; i < outputs && i < MAX_INPUTS; i++) if (results[i]) TF_DeleteTensor(results[i]);
  TF_DeleteStatus(status);
}

static void *find(const char *name) {
  for (size_t i = 0; i < sizeof LIBRARIES / sizeof *LIBRARIES; i++) {
    void *library = dlopen(LIBRARIES[i], RTLD_LAZY | RTLD_NOLOAD);
    void *found = library ? dlsym(library, name) : NULL;
    if (found) return found;
  }
  return dlsym(RTLD_DEFAULT, name);
}

static void registerOp(void) {
  table = kernels();
  // TensorFlow and our threads keep pointers into this module: it must stay when the worker that loaded it ends.
  Dl_info module;
  if (dladdr((void *)&table, &module)) dlopen(module.dli_fname, RTLD_LAZY | RTLD_NODELETE);
#define FIND(result, name, parameters)                     \
  if (!(*(void **)&name = find(#name))) {                  \
    problem = "TensorFlow is not loaded, or has no " #name; \
    return;                                                \
  }
  FUNCTIONS(FIND)
  TF_Status *status = TF_NewStatus();
  TF_OpDefinitionBuilder *op = TF_NewOpDefinitionBuilder("GmrKernel");
  TF_OpDefinitionBuilderAddAttr(op, "N: int >= 1");
  TF_OpDefinitionBuilderAddAttr(op, "M: int >= 1");
  TF_OpDefinitionBuilderAddInput(op, "tensors: N * float");
  TF_OpDefinitionBuilderAddInput(op, "plan: int32");
  TF_OpDefinitionBuilderAddOutput(op, "results: M * float");
  TF_OpDefinitionBuilderSetShapeInferenceFunction(op, unknownShapes);
  TF_RegisterOpDefinition(op, status);
  if (TF_GetCode(status) == 0) {
    TF_KernelBuilder *builder = TF_NewKernelBuilder("GmrKernel", "CPU", create, compute, destroy);
    TF_RegisterKernelBuilder("GmrKernel", builder, status);
  }
  if (TF_GetCode(status) != 0) {
    strncpy(reason, TF_Message(status), sizeof reason - 1);
    problem = reason;
  }
  TF_DeleteStatus(status);
}

EXPORTED int32_t node_api_module_get_api_version_v1(void) { return 8; }

EXPORTED napi_value napi_register_module_v1(napi_env env, napi_value exports) {
  static pthread_once_t once = PTHREAD_ONCE_INIT;
  pthread_once(&once, registerOp);
  if (problem) {
    napi_throw_error(env, NULL, problem);
    return NULL;
  }
  napi_value name;
  napi_create_string_utf8(env, table->name, strlen(table->name), &name);
  napi_set_named_property(env, exports, "instructions", name);
  return exports;
}
