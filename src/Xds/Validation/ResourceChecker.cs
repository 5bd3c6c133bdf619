using Envoy.Config.Endpoint.V3;
using Google.Protobuf;
using Google.Protobuf.WellKnownTypes;

namespace KubeProxyNet.Xds.Validation;

/// <summary>A resource that came over the wire, and what is wrong with it.</summary>
/// <param name="Message">The resource; null where the bytes are no message of the type.</param>
/// <param name="Problems">Every fault, undeclared fields included; empty where there is none.</param>
public sealed record CheckedResource(IMessage? Message, IReadOnlyList<ConfigProblem> Problems)
{
    /// <summary>Whether the resource may be used as far as it alone tells: it parses, and no problem is <see cref="ConfigProblemKind.Invalid"/>.</summary>
    public bool IsValid => Message is not null && !Problems.Any(problem => problem.Kind == ConfigProblemKind.Invalid);
}

/// <summary>Unpacks and checks what comes over the wire or from a resource file.</summary>
public static class ResourceChecker
{
    /// <summary>Unpacks a resource and makes every check that does not need another resource.</summary>
    /// <param name="resource">The resource as a discovery response carries it.</param>
    public static CheckedResource Check(Any resource)
    {
        ArgumentNullException.ThrowIfNull(resource);
        if (XdsTypes.Find(resource.TypeUrl) is not { } type)
        {
            var (message, remedy) = ConfigText.UnknownType(resource.TypeUrl);
            return new CheckedResource(null, [new ConfigProblem(ConfigProblemKind.Invalid, ConfigPath.Root, message, remedy)]);
        }

        if (!WireParser.TryParse(type, resource.Value, out var content, out var reason))
        {
            return new CheckedResource(null, [new ConfigProblem(ConfigProblemKind.Invalid, ConfigPath.Root, reason, ConfigText.SendBinary)]);
        }

        var problems = ConfigValidator.Check(content).Concat(WireInspector.FindUndeclared(type, resource.Value.Span)).ToList();
        if (content is ClusterLoadAssignment assignment)
        {
            // Nobody resolves the names of an assignment that comes by itself.
            var found = new ConfigProblems();
            ClusterRules.CheckIsResolved(assignment, ConfigPath.Root, found);
            problems.AddRange(found.Found);
        }

        return new CheckedResource(content, problems);
    }
}
