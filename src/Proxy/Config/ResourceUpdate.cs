using Google.Protobuf;
using KubeProxyNet.Xds.Validation;

namespace KubeProxyNet.Proxy.Config;

/// <summary>Where a resource came from, which decides on how strictly it is taken.</summary>
internal enum ResourceOrigin
{
    /// <summary>The bootstrap: it cannot be replaced, and what is not acted on is a fault.</summary>
    Bootstrap,

    /// <summary>A resource file: what is not acted on is a fault.</summary>
    File,

    /// <summary>The control plane: what is not acted on is told and the rest is used, as Envoy does with unknown fields.</summary>
    Wire,
}

/// <summary>A resource that could not be used; its last good version, if any, stays in force.</summary>
/// <param name="Name">Name of the resource.</param>
/// <param name="Reason">Every fault, each with its path and remedy.</param>
public sealed record ResourceRejection(string Name, string Reason)
{
    /// <summary>The faults of the resource, with paths that begin at it; empty where the resource is right and the machine refused it.</summary>
    public IReadOnlyList<ConfigProblem> Problems { get; init; } = [];
}

/// <summary>A part of a resource that is used without regard to it.</summary>
/// <param name="Name">Name of the resource.</param>
/// <param name="Problem">What is not acted on.</param>
internal sealed record ResourceNotice(string Name, ConfigProblem Problem);

/// <summary>What came of resources that were put into the configuration.</summary>
internal sealed class ApplyOutcome
{
    /// <summary>The resources that are refused.</summary>
    public List<ResourceRejection> Rejections { get; } = [];

    /// <summary>What is not acted on in those that are used.</summary>
    public List<ResourceNotice> Notices { get; } = [];

    /// <summary>Weighs the problems of a translated resource. True where it may be used.</summary>
    public bool Accepts<T>(string name, T? translated, TranslationProblems problems, ResourceOrigin origin)
        where T : class
    {
        if (translated is null || problems.Forbids(isFile: origin != ResourceOrigin.Wire))
        {
            Rejections.Add(problems.Reject(name));
            return false;
        }

        Notices.AddRange(problems.Ignored.Select(problem => new ResourceNotice(name, problem)));
        return true;
    }
}

/// <summary>A resource in force, as the admin page shows it.</summary>
/// <param name="Name">Name.</param>
/// <param name="Version">Version of the response that brought it; empty for static ones.</param>
/// <param name="Message">The resource.</param>
/// <param name="LastUpdated">When it came into force.</param>
/// <param name="IsStatic">True where it stands in the bootstrap.</param>
public sealed record AcceptedResource(string Name, string Version, IMessage Message, DateTimeOffset LastUpdated, bool IsStatic);
