// All kernels for one instruction set, as the table KERNELS.

#include "convolution.c"
#include "elementwise.c"
#include "mixture.c"
#include "pooling.c"
#include "sums.c"

const Kernels KERNELS = {
    NAME,
    {
        [FORWARD] = forward,
        [FILTER_GRADIENT] = filterGradient,
        [BOTH_GRADIENTS] = bothGradients,
        [NORM] = norm,
        [NORM_GRADIENTS] = normGradients,
        [NORM_INFERENCE] = normInference,
        [ADD_RELU] = addRelu,
        [RELU_GRADIENT] = reluGradient,
        [SGD] = sgd,
        [ADAMW] = adamW,
        [MIX] = mix,
        [MIX_SIGMAS] = mixSigmas,
        [SUM] = sum,
        [MAX_POOL_GRADIENT] = maxPoolGradient,
    },
};
