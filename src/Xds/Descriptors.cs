using System.Diagnostics.CodeAnalysis;
using System.Runtime.CompilerServices;
using Envoy.Config.Bootstrap.V3;
using Envoy.Service.Discovery.V3;
using Envoy.Service.Secret.V3;
using Google.Protobuf.Reflection;

namespace KubeProxyNet.Xds;

/// <summary>
/// Reads the descriptors of all messages before anything else of this assembly runs. Left to themselves they are read when they are first needed, on whatever
/// thread, and Google.Protobuf keeps what files of descriptors share in a dictionary that is not made for several threads: two that read their first messages
/// at once could spoil it for the life of the process.
/// </summary>
internal static class Descriptors
{
    /// <summary>Files from which every other of this assembly is reached by its imports.</summary>
    internal static IReadOnlyList<FileDescriptor> Roots { get; } =
        [.. XdsTypes.All.Select(static message => message.File), BootstrapReflection.Descriptor, AdsReflection.Descriptor, SdsReflection.Descriptor];

    [ModuleInitializer]
    [SuppressMessage("Usage", "CA2255:The 'ModuleInitializer' attribute should not be used in libraries", Justification = "Nothing else is sure to come before the first use of a message.")]
    internal static void Read() => _ = Roots.Count;
}
