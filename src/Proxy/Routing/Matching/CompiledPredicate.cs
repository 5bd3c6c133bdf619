using KubeProxyNet.Proxy.Http;

namespace KubeProxyNet.Proxy.Routing.Matching;

/// <summary>A <see cref="MatchPredicate"/> ready for traffic. Immutable.</summary>
internal abstract class CompiledPredicate
{
    /// <summary>Whether the condition holds for a request.</summary>
    public abstract bool Holds(RequestHead head);

    /// <summary>Compiles a condition.</summary>
    public static CompiledPredicate Compile(MatchPredicate source, string path, CompilationScope scope) => source switch
    {
        InputPredicate { Input: HeaderInput header, Value: var value } => new OfHeader(new CompiledHeaderMatcher(new HeaderMatcher { Name = header.Name, Match = new HeaderString(value) }, path, scope)),
        InputPredicate { Input: QueryParameterInput query, Value: var value } => new OfQuery(new CompiledQueryParameterMatcher(new QueryParameterMatcher { Name = query.Name, Value = value }, path, scope)),
        AddressPredicate address => Address(address, scope),
        AllPredicate all => new OfAll([.. all.Parts.Select(part => Compile(part, path, scope))]),
        AnyPredicate any => new OfAny([.. any.Parts.Select(part => Compile(part, path, scope))]),
        NotPredicate not => new OfNone(Compile(not.Part, path, scope)),
        _ => throw new NotSupportedException($"predicate {source.GetType().Name}"),
    };

    private static CompiledAddressPredicate Address(AddressPredicate source, CompilationScope scope)
    {
        var compiled = new CompiledAddressPredicate(source);
        scope.AddressPredicates.Add(compiled);
        return compiled;
    }

    private sealed class OfHeader(CompiledHeaderMatcher matcher) : CompiledPredicate
    {
        public override bool Holds(RequestHead head) => matcher.IsMatch(head);
    }

    private sealed class OfQuery(CompiledQueryParameterMatcher matcher) : CompiledPredicate
    {
        public override bool Holds(RequestHead head) => matcher.IsMatch(head.Query);
    }

    private sealed class OfAll(CompiledPredicate[] parts) : CompiledPredicate
    {
        public override bool Holds(RequestHead head)
        {
            foreach (var part in parts)
            {
                if (!part.Holds(head))
                {
                    return false;
                }
            }

            return true;
        }
    }

    private sealed class OfAny(CompiledPredicate[] parts) : CompiledPredicate
    {
        public override bool Holds(RequestHead head)
        {
            foreach (var part in parts)
            {
                if (part.Holds(head))
                {
                    return true;
                }
            }

            return false;
        }
    }

    private sealed class OfNone(CompiledPredicate part) : CompiledPredicate
    {
        public override bool Holds(RequestHead head) => !part.Holds(head);
    }
}
