package tickhouse;

import java.util.Set;
import org.apache.hadoop.fs.Path;
import org.apache.spark.sql.SparkSessionExtensions;
import org.apache.spark.sql.catalyst.expressions.Expression;
import org.apache.spark.sql.catalyst.expressions.PlanExpression;
import org.apache.spark.sql.catalyst.plans.QueryPlan;
import org.apache.spark.sql.catalyst.plans.logical.Command;
import org.apache.spark.sql.catalyst.plans.logical.LogicalPlan;
import org.apache.spark.sql.execution.datasources.HadoopFsRelation;
import org.apache.spark.sql.execution.datasources.LogicalRelation;
import scala.jdk.javaapi.CollectionConverters;
import scala.runtime.AbstractFunction1;
import scala.runtime.BoxedUnit;

/** Refuses whatever a client of the SQL server asks that does not read the lake's own tables. */
public final class ReadOnlySql extends AbstractFunction1<SparkSessionExtensions, BoxedUnit> {
    private static final String CLIENT_THREADS = "HiveServer2";
    private static final Set<String> COMMANDS =
            Set.of("SetNamespaceCommand", "SetCatalogAndNamespace", "ExplainCommand");
    private static final Set<String> EXPRESSIONS =
            Set.of("CallMethodViaReflection", "TryReflect");
    private static volatile String lake = "";

    /** Let clients read tables below this folder. */
    public static void allow(String folder) {
        lake = new Path(folder).toUri().getPath() + "/";
    }

    @Override
    @SuppressWarnings({"unchecked", "rawtypes"})
    public BoxedUnit apply(SparkSessionExtensions extensions) {
        extensions.injectCheckRule(
                new AbstractFunction1() {
                    @Override
                    public Object apply(Object session) {
                        return new Check();
                    }
                });
        return BoxedUnit.UNIT;
    }

    private static final class Check extends AbstractFunction1<LogicalPlan, BoxedUnit> {
        @Override
        public BoxedUnit apply(LogicalPlan plan) {
            if (Thread.currentThread().getName().startsWith(CLIENT_THREADS)) {
                check(plan);
            }
            return BoxedUnit.UNIT;
        }
    }

    private static void check(QueryPlan<?> plan) {
        String name = plan.getClass().getSimpleName();
        boolean reads = name.startsWith("Show") || name.startsWith("Describe");
        if (plan instanceof Command && !reads && !COMMANDS.contains(name)) {
            throw new UnsupportedOperationException("this server only reads: " + name);
        }
        if (name.startsWith("Delta") && !(plan instanceof Command)) {
            throw new UnsupportedOperationException("this server only reads: " + name);
        }
        if (plan instanceof LogicalRelation
                && ((LogicalRelation) plan).relation() instanceof HadoopFsRelation) {
            checkFiles((HadoopFsRelation) ((LogicalRelation) plan).relation());
        }
        for (Expression expression : CollectionConverters.asJava(plan.expressions())) {
            check(expression);
        }
        for (Object child : CollectionConverters.asJava(plan.children())) {
            check((QueryPlan<?>) child);
        }
    }

    private static void checkFiles(HadoopFsRelation relation) {
        for (Path root : CollectionConverters.asJava(relation.location().rootPaths())) {
            if (lake.isEmpty() || !root.toUri().getPath().startsWith(lake)) {
                throw new UnsupportedOperationException("outside the lake: " + root);
            }
        }
    }

    private static void check(Expression expression) {
        if (EXPRESSIONS.contains(expression.getClass().getSimpleName())) {
            throw new UnsupportedOperationException("this server only reads: " + expression);
        }
        if (expression instanceof PlanExpression) {
            check((QueryPlan<?>) ((PlanExpression<?>) expression).plan());
        }
        for (Expression child : CollectionConverters.asJava(expression.children())) {
            check(child);
        }
    }
}
