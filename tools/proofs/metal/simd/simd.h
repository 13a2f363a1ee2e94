// Named by the Metal source that naga writes; metal_stdlib beside this folder declares what is used.
#pragma once
